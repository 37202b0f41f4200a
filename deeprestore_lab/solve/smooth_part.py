"""The smooth part F of the equation: its gradient, and what of it is known in closed form."""

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.operators.base import Identity
from deeprestore_lab.solve.normal_equations import right_hand_side
from deeprestore_lab.solve.norms import norm
from deeprestore_lab.solve.problem import Evaluation, Problem
from deeprestore_lab.solve.solver import each


class SmoothPart:
    """F: the terms of a problem at these places of its list, and the penalty of theta where that is smooth."""

    def __init__(self, problem: Problem, terms: list[int]) -> None:
        self.problem, self.terms = problem, terms

    def at(self, theta: torch.Tensor, *, gradient: bool = True) -> Evaluation:
        """F at `theta`, which is loaded."""
        penalty = self.problem.parametrisation.smooth_penalty
        return self.problem.evaluate(theta, only=self.terms, penalty=penalty, gradient=gradient)

    def missing(self) -> torch.Tensor:
        """The images for which F is zero everywhere, `(N,)` bool."""
        theta = self.problem.theta
        total = theta.new_zeros(self.problem.batch)
        if self.problem.has_penalty and self.problem.parametrisation.smooth_penalty:
            return total.bool()
        return sum((each(self.problem.terms[i][0], theta) for i in self.terms), total) == 0

    def denoising(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """(centre, precision) where F is precision / 2 ||x - centre||^2 up to a constant."""
        quadratics = self._quadratics()
        if not quadratics or not all(isinstance(q.operator, Identity) for _, q in quadratics):
            return None
        x = self.problem.x()
        precision = sum(each(weight, x) * each(q.precision, x) for weight, q in quadratics)
        if not bool((precision > 0).all()):
            return None
        return right_hand_side(quadratics, x) / per_image(precision, x), precision

    def quadratic_lipschitz(self) -> torch.Tensor | None:
        """sum_i lambda_i ||A_i||^2 where all of F is quadratic, 1 where that is 0, `(N,)`."""
        quadratics = self._quadratics()
        if quadratics is None:
            return None
        x = self.problem.x()
        parts = (each(w, x) * each(q.precision, x) * q.operator.norm(x) ** 2 for w, q in quadratics)
        total = sum(parts, x.new_zeros(self.problem.batch))
        return torch.where(total > 0, total, 1.0)

    def first_lipschitz(self) -> torch.Tensor:
        """A lower bound: how much the gradient changes along itself, near the start."""
        start = self.problem.theta
        at = self.at(start)
        slope = norm(at.gradient)
        size = 1e-2 * (norm(start) + start[0].numel() ** 0.5) / slope.clamp_min(torch.finfo(slope.dtype).tiny)
        moved = self.at(self.problem.project(start - per_image(size, start) * at.gradient))
        change, distance = norm(moved.gradient - at.gradient), norm(self.problem.theta - start)
        self.problem.move(start, torch.ones_like(slope, dtype=torch.bool), start=start)
        found = change / distance
        return torch.where(torch.isfinite(found) & (found > 0), found, 1.0)

    def _quadratics(self) -> list | None:
        """The terms as (weight, quadratic), or None where one is not quadratic in theta."""
        if not self.problem.on_pixels:
            return None
        weighted = [self.problem.terms[i] for i in self.terms]
        quadratics = [(weight, term.quadratic()) for weight, term in weighted]
        return None if any(q is None for _, q in quadratics) else quadratics
