"""ADMM: sums of terms with kinks, each split off as f(K x) with a proximal step of its own."""

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.energies import zero_weight_images
from deeprestore_lab.operators.base import Identity
from deeprestore_lab.solve.finite_point import FinitePoint, where_image
from deeprestore_lab.solve.normal_equations import right_hand_side, solve_normal
from deeprestore_lab.solve.norms import dot
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.sharp_terms import kinked_names, open_walls
from deeprestore_lab.solve.solver import Solver, each, not_by_itself
from deeprestore_lab.solve.splitting import Box, SquaredError, split_terms

OVER_RELAXATION = 1.7
FIRST_PENALTY = 30.0  # over the largest weight: a total variation then splits off steps above 1/30 first
IMBALANCE = 3.0
LARGEST_SHARE = 1e-3  # of the largest size and force of the run: below, they count as this large


class ADMM(Solver):
    r"""argmin of sum_i q_i(x) + sum_j w_j f_j(K_j x): q_i quadratic, f_j with a proximal step, bounds as one f_j.

    For each image and each j, with a penalty rho of its own and over-relaxation 1.7, h = 1.7 K x + (1 - 1.7) z:
    x <- argmin of q(x) + sum rho/2 ||K x - z + u||^2,  z <- prox_{w f / rho}(h + u),  u <- u + h - z.

    The x of the first line solves linear equations: exactly where the operators share a basis or where the only
    operator has a solve, else by warm-started conjugate gradients to a hundredth of the last residuals. A quadratic
    term whose operator has a solve is split off too where that makes the equations exact. Each penalty rho is balanced
    between the residuals of its own split at steps 10, 20, 40, 80, ...

    What is shown as the iterate is x, or z of a term without an operator (the bounds before others), which that term
    cannot find infinite. Where the energy is infinite there (K x meets the domain of f in the limit only: counts have
    means of at least 0), it is a point near it (`FinitePoint`). The distance to the iterate, over its size, counts as
    optimality too: an image has not converged while another is shown.

    Optimality of an image: the larger of ||K x - z|| / max(||K x||, ||z||) and ||rho K*(z - z_before)|| / ||rho K* u||,
    the latter with the norm over all K_j* u_j together (or over a thousandth of sum_i A_i* y_i, where that is more).
    No denominator counts as less than a thousandth of the largest that it was in the run: both go to zero where
    nothing holds against a term. Where nothing is split off, it is the relative residual of the equations for x.

    Raises `ValueError` for a term that is neither quadratic nor split into K x and a proximal step.

    Source: Boyd et al. (2011), sections 3.3 and 3.4. Taught in chapter 10_map.
    """

    name = "admm"
    default_steps = 1000
    default_tolerance = 1e-4
    kept = ("x", "z", "u", "rho", "count", "residual", "size", "force", "shares")

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        if not problem.on_pixels:
            return "it splits a search over pixels, and theta is not pixels"
        stuck = [
            name
            for name, (_, term) in zip(problem.names, problem.terms, strict=True)
            if term.quadratic() is None and not term.split()[1].has_prox
        ]
        if stuck:
            names = ", ".join(stuck)
            return f"{names} is neither quadratic nor split into a linear map and a term with a proximal step"
        return super().why_not(problem) or not_by_itself(problem)

    @classmethod
    def suits(cls, problem: Problem) -> bool:
        """Terms with kinks, and counts whose pixels may go below zero, where they are impossible."""
        return bool(kinked_names(problem) or open_walls(problem))

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance
        x = problem.theta
        self.one = x.new_ones(problem.batch)
        self.quadratics, self.splits = split_terms(problem)
        self.parts = [(each(w, x) * each(q.precision, x), q.operator) for w, q in self.quadratics]
        self.data = right_hand_side(self.quadratics, x)
        weights = [weight for weight, _, f in self.splits if not isinstance(f, Box | SquaredError)] or [self.one]
        largest = torch.stack(weights).amax(0)
        self.out = [zero_weight_images(weight) for weight, _, _ in self.splits]
        self.rho = [FIRST_PENALTY * torch.where(largest > 0, largest, 1.0)] * len(self.splits)
        self.x, self.finite = x, FinitePoint(problem, [(operator, f) for _, operator, f in self.splits])
        self.z = [operator.apply(x) for _, operator, _ in self.splits]
        self.u = [torch.zeros_like(z) for z in self.z]
        self.count, self.residual = 0, self.one.clone()
        self.size, self.force = torch.zeros_like(self.one), torch.zeros_like(self.one)  # the largest of the run
        places = [
            i
            for i, (_, operator, f) in enumerate(self.splits)
            if isinstance(operator, Identity) and not isinstance(f, SquaredError)
        ]
        self.shown = places[-1] if places else None

    @property
    def shares(self) -> list[torch.Tensor]:
        """Of each way to a finite energy, the share that was last needed: where the next search begins."""
        return self.finite.share

    @shares.setter
    def shares(self, shares: list[torch.Tensor]) -> None:
        self.finite.share = shares

    def step(self, active: torch.Tensor) -> torch.Tensor:
        self.count += 1
        x, left = self._solve()
        images, z, u = [operator.apply(x) for _, operator, _ in self.splits], [], []
        old = zip(self.splits, self.out, self.rho, images, self.z, self.u, strict=True)
        for (weight, _, f), out, rho, image, z_old, u_old in old:
            relaxed = OVER_RELAXATION * image + (1 - OVER_RELAXATION) * z_old + u_old
            moved = f.prox(relaxed, weight / rho)
            z.append(moved if out is None else where_image(out, relaxed, moved))
            u.append(relaxed - z[-1])
        primal, dual = self._residuals(images, z, u, active)
        before = self.z
        self._keep(active, x, z, u)
        optimality = torch.maximum(primal, dual) if self.splits else left
        self.residual = torch.where(active, optimality, self.residual)
        away = self.finite.show(self.x if self.shown is None else self.z[self.shown], active)
        if self.count >= 10 and (self.count // 10).bit_count() == 1 and self.count % 10 == 0:
            self._balance(images, before, active)
        return torch.maximum(optimality, away)

    def _solve(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The x of the first line, and the relative residual of its equations."""
        b = self.data + self._pull([z - u for z, u in zip(self.z, self.u, strict=True)])
        parts = [*self.parts, *[(rho, operator) for rho, (_, operator, _) in zip(self.rho, self.splits, strict=True)]]
        eps = torch.finfo(b.dtype).eps
        goal = (self.residual / 100).clamp(eps, 1e-3) if self.splits else max(self.tolerance, eps)
        solution = solve_normal(parts, b, x=self.x, tolerance=goal)
        return solution.x, torch.zeros_like(self.one) if solution.residual is None else solution.residual

    def _pull(self, values: list[torch.Tensor]) -> torch.Tensor:
        """sum_j rho_j K_j* value_j."""
        total = torch.zeros_like(self.x)
        for j, value in enumerate(values):
            total = total + self._force(j, value)
        return total

    def _force(self, j: int, value: torch.Tensor) -> torch.Tensor:
        """rho_j K_j* value."""
        operator = self.splits[j][1]
        return self.rho[j].reshape(-1, 1, 1, 1) * (value if isinstance(operator, Identity) else operator.adjoint(value))

    def _residuals(self, images: list, z: list, u: list, active: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tiny = torch.finfo(self.one.dtype).tiny
        primal = self._joint([image - new for image, new in zip(images, z, strict=True)])
        size = torch.maximum(self._joint(images), self._joint(z))
        dual = self._joint([self._pull([new - old for new, old in zip(z, self.z, strict=True)])])
        pulls = list(map(self._force, range(len(u)), u))
        force = torch.maximum(self._joint(pulls), 1e-3 * self._joint([self.data]))
        self.size = torch.where(active, torch.maximum(self.size, size), self.size)
        self.force = torch.where(active, torch.maximum(self.force, force), self.force)
        size = torch.maximum(size, LARGEST_SHARE * self.size).clamp_min(tiny)
        force = torch.maximum(force, LARGEST_SHARE * self.force).clamp_min(tiny)
        return primal / size, dual / force

    def _keep(self, active: torch.Tensor, x: torch.Tensor, z: list, u: list) -> None:
        if active.device.type == "cpu" and bool(active.all()):  # elsewhere asking waits for the device
            self.x, self.z, self.u = x, z, u
            return
        self.x = where_image(active, x, self.x)
        self.z = [where_image(active, new, old) for new, old in zip(z, self.z, strict=True)]
        self.u = [where_image(active, new, old) for new, old in zip(u, self.u, strict=True)]

    def _balance(self, images: list, before: list, active: torch.Tensor) -> None:
        """Each rho_j by the residuals of its own split."""
        tiny = torch.finfo(self.one.dtype).tiny
        smallest = torch.maximum(LARGEST_SHARE * self.force, 1e-3 * self._joint([self.data])).clamp_min(tiny)
        for j, image in enumerate(images):
            z, u = self.z[j], self.u[j]
            size = torch.maximum(self._joint([image]), self._joint([z]))
            primal = self._joint([image - z]) / torch.maximum(size, LARGEST_SHARE * self.size).clamp_min(tiny)
            force = torch.maximum(self._joint([self._force(j, u)]), smallest)
            dual = self._joint([self._force(j, z - before[j])]) / force
            ratio = primal / dual.clamp_min(tiny)
            uneven = active & (primal > 0) & (dual > 0) & ((ratio > IMBALANCE) | (ratio < 1 / IMBALANCE))
            factor = torch.where(uneven, ratio.sqrt().clamp(0.1, 10), 1.0)
            self.rho[j] = self.rho[j] * factor
            self.u[j] = u / per_image(factor, u)

    def _joint(self, values: list[torch.Tensor]) -> torch.Tensor:
        """The norm of all of them together, per image."""
        if not values:
            return torch.zeros_like(self.one)
        total = dot(values[0], values[0])
        for value in values[1:]:
            total = total + dot(value, value)
        return total.sqrt()

    def state_dict(self) -> dict:
        return super().state_dict() | {"share": self.finite.share}

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        self.finite.share = state["share"]
