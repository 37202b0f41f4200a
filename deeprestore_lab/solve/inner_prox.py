"""The proximal step within an outer step: exact, or by iterations that go on where the last ones ended."""

import torch

from deeprestore_lab.energies import Energy, zero_weight_images
from deeprestore_lab.solve.finite_point import where_image
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.solver import Kept, each

ERROR_SHARE = 0.1  # of the last step, that the error of a proximal step by iterations may be
LOOSEST_GAP = 1e-3
STEPS = 100  # of a proximal step by iterations in one outer step; the next one goes on from there
ROUNDING_SHARE = 0.25  # of the error that rounding leaves in an inner step: a smaller residual means nothing


class InnerProx(Kept):
    """prox of the term with a kink and of the bounds, for the images that are wanted.

    `kinked` is (weight, term), "penalty" for that of theta, or None. Iterations start where those of the step before
    ended, and stop at a gap that follows the outer step; where the step is `alone`, the whole of the answer, at the
    term's own gap or `tolerance`. `gap` is what the last ones reached, `(N,)`, None for a step in closed form.
    """

    kept = ("change", "primal", "dual")

    def __init__(self, problem: Problem, kinked: tuple | str | None, *, tolerance: float, alone: bool) -> None:
        self.problem, self.kinked, self.tolerance, self.alone = problem, kinked, tolerance, alone
        one = problem.theta.new_ones(problem.batch)
        self.change = torch.full_like(one, torch.inf)  # squared fixed-point residual of the last outer step
        self.primal, self.dual = one, None  # of the last iterations; where the next ones start
        self.out = zero_weight_images(kinked[0]) if isinstance(kinked, tuple) else None
        self.gap: torch.Tensor | None = None
        self.resolution = 0.0
        self.info = torch.finfo(one.dtype)

    def step(self, v: torch.Tensor, step: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """argmin of 1/2 ||x - v||^2 + step R(x) within the bounds, for the images in `wanted` `(N,)`."""
        self.gap = None
        if self.kinked is None:
            return self.problem.project(v)
        if self.kinked == "penalty":
            return self.problem.parametrisation.penalty_prox(v, step)
        weight, term = self.kinked
        step = step * each(weight, step)
        if term.has_inexact_prox:
            return self._iterate(term, v, step, wanted)
        bounds = self.problem.bounds
        moved = term.prox(v, step) if bounds is None else term.bounded_prox(v, step, bounds)
        return moved if self.out is None else where_image(self.out.to(v.device), self.problem.project(v), moved)

    def note_change(self, active: torch.Tensor, change: torch.Tensor) -> None:
        """Say how far the outer step went, squared, `(N,)`: errors of the next step are small against it."""
        self.change = torch.where(active, change, self.change)

    def rounding(self, lipschitz: torch.Tensor) -> torch.Tensor:
        """The residual, as a gradient, below which a proximal step by iterations says nothing any more."""
        if self.gap is None:
            return torch.zeros_like(self.primal)
        return ROUNDING_SHARE * lipschitz * (2 * self.resolution * self.primal).sqrt()

    def _iterate(self, term: Energy, v: torch.Tensor, step: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        images = wanted.nonzero().flatten()
        found = term.inexact_prox(
            v[images],
            step[images],
            bounds=self.problem.bounds,
            gap=self._asked(term)[images],
            start=None if self.dual is None else self.dual[images],
            steps=None if self.alone else STEPS,
        )
        if self.dual is None:
            self.dual = found.state.new_zeros(v.shape[0], *found.state.shape[1:])
        self.dual, self.primal = self.dual.clone(), self.primal.clone()
        self.dual[images], self.primal[images] = found.state, found.primal
        self.gap, self.resolution = torch.zeros_like(self.primal), found.resolution
        self.gap[images] = found.gap
        new = v.clone()
        new[images] = found.x
        return new

    def _asked(self, term: Energy) -> torch.Tensor:
        """The gap to ask for: gap * primal bounds half the squared error of the proximal step."""
        if self.alone:
            return torch.full_like(self.primal, min(term.prox_gap, max(self.tolerance, self.info.eps)))
        allowed = ERROR_SHARE**2 * self.change / (2 * self.primal).clamp_min(self.info.tiny)
        return allowed.clamp(self.info.eps, LOOSEST_GAP)
