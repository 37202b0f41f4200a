"""The minimum of a sum of squares, from its normal equations."""

import torch
from torch.func import functional_call

from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients
from deeprestore_lab.solve.normal_equations import apply_normal, right_hand_side, solve_normal
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.solver import Solver, each, not_by_itself


class ClosedForm(Solver):
    r"""H x = sum_i p_i A_i* y_i with H = sum_i p_i A_i*A_i: the minimum of sum_i p_i / 2 ||A_i x - y_i||^2.

    `method` says how it was solved: by a "division", one in the basis "fft" or "dct" that the operators share, by the
    one operator's own "solve", or else by "conjugate gradients". The first two are exact and end after one step.
    Where the energy leaves something free (a hole, and no prior), the result is the x of smallest norm.

    A theta that is not pixels but maps linearly to them is found by conjugate gradients on theta.

    Optimality of an image: the relative residual ||b - H x|| / ||b|| of these equations, zero where solved exactly.
    Conjugate gradients take up to 1000 iterations in a step. Raises `ValueError` for a term that is not quadratic.
    Taught in chapter 10_map.
    """

    name = "closed_form"
    default_steps = 20
    default_tolerance = 1e-5
    kept = ("theta",)

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        curved = [name for name, (_, t) in zip(problem.names, problem.terms, strict=True) if t.quadratic() is None]
        if curved:
            return f"{', '.join(curved)} is not quadratic"
        if not problem.linear:
            return "the parametrisation is not linear"
        if problem.has_penalty:
            return "the parametrisation has a penalty"
        if problem.bounds is not None:
            return "the parametrisation has bounds"
        return super().why_not(problem) or not_by_itself(problem)

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance
        self.reason: list[str | None] = [None] * problem.batch
        self.method: str | None = None
        self.quadratics = [(weight, term.quadratic()) for weight, term in problem.terms]
        if any(quadratic is None for _, quadratic in self.quadratics):
            raise ValueError("a closed form needs terms that are all quadratic")
        x = problem.x()
        self.parts = [(each(weight, x) * each(q.precision, x), q.operator) for weight, q in self.quadratics]
        self.theta: torch.Tensor | None = None  # where conjugate gradients stand

    def step(self, active: torch.Tensor) -> torch.Tensor:
        goal = max(self.tolerance, torch.finfo(self.problem.theta.dtype).eps)
        if self.problem.on_pixels:
            b = right_hand_side(self.quadratics, self.problem.x())
            solution = solve_normal(self.parts, b, x=self.theta, tolerance=goal)
            theta, self.method, residual = solution.x, solution.method, solution.residual
        else:
            theta, residual = self._solve_for_theta(goal)
            self.method = "conjugate gradients"
        self.theta = theta
        self.problem.move(theta, active)
        if residual is None:
            self.reason = ["exact"] * self.problem.batch
            return torch.zeros(self.problem.batch, dtype=theta.dtype, device=theta.device)
        return residual

    def _solve_for_theta(self, goal: float) -> tuple[torch.Tensor, torch.Tensor]:
        """x = g(0) + G theta: conjugate gradients on G* H G theta = G* (b - H g(0))."""
        parametrisation, like = self.problem.parametrisation, self.problem.theta
        offset = functional_call(parametrisation, {"theta": torch.zeros_like(like)})

        def forward(theta: torch.Tensor) -> torch.Tensor:
            return functional_call(parametrisation, {"theta": theta}) - offset

        b = right_hand_side(self.quadratics, offset) - apply_normal(self.parts, offset)
        theta, _, residual = conjugate_gradients(
            lambda theta: parametrisation.adjoint(apply_normal(self.parts, forward(theta))),
            parametrisation.adjoint(b),
            x=self.theta,
            tolerance=goal,
        )
        return theta, residual
