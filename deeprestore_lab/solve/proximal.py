"""Accelerated proximal gradient: one term with a kink through its proximal step, the rest through its gradient."""

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.solve.finite_point import where_image
from deeprestore_lab.solve.inner_prox import InnerProx
from deeprestore_lab.solve.norms import dot, norm
from deeprestore_lab.solve.problem import Evaluation, Problem
from deeprestore_lab.solve.sharp_terms import kinked_names, open_walls, sort_terms
from deeprestore_lab.solve.smooth_part import SmoothPart
from deeprestore_lab.solve.solver import Solver, not_by_itself

LARGEST_SHARE = 0.01  # of the largest gradient of the run: below, gradients count as this large
FALL = 0.5  # what L is multiplied by after each step where F is nothing at all
STEEPEST = 1e10  # times the first L: a search that comes this far has failed
RELAX = 0.9  # what a searched-for L is multiplied by after each step, so that it can fall again


class Proximal(Solver):
    r"""x_+ = prox_{R / L}(z - grad F(z) / L), then z from x_+ and x by momentum (FISTA), for each image by itself.

    F holds all smooth terms, R is the one term (or the penalty of theta) with a kink, and the bounds of `Pixels`. L is
    sum_i lambda_i ||A_i||^2 where all of F is quadratic, else it is doubled until F lies below its quadratic model,
    and falls by a tenth between steps.
    The momentum starts anew whenever it points against the step.

    A proximal step by iterations of its own (total variation) is warm-started and goes on until its duality gap bounds
    its error by a tenth of the outer step before (or 100 of them are done). Within bounds, terms with a kink that know
    no step there are refused.

    Where F is a sum of ||x - y||^2 alone (denoising), one proximal step at their mean is the solution.

    An image of which F says nothing (a prior alone) takes proximal steps of R, each twice as large as the one before.

    Optimality of an image: L ||x_+ - z|| / ||grad F(z)||, the fixed-point residual as a gradient, over the gradient (or
    over a hundredth of the largest gradient of the run, where that is more; without F, the residual, which is then
    a subgradient of R, over a hundredth of its largest); for a single proximal step by
    iterations its relative duality gap (at most the prior's own is asked for). An image whose residual has come below
    a quarter of the error that rounding leaves in such a step is as exact as its precision allows, and counts as
    converged.

    Source: Beck & Teboulle (2009); O'Donoghue & Candes (2015) for the restart. Taught in chapter 10_map.
    """

    name = "proximal"
    default_steps = 1000
    default_tolerance = 1e-3
    kept = ("z", "momentum", "largest", "lipschitz", "before", "steepest")

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        kinked = kinked_names(problem)
        if len(kinked) > 1:
            return f"it takes one term with kinks and here are {len(kinked)}: {', '.join(kinked)}; use ADMM"
        _, one = sort_terms(problem)
        if isinstance(one, tuple):
            if not one[1].has_prox:
                return f"{kinked[0]} has no proximal step"
            if not problem.on_pixels:
                return f"the proximal step of {kinked[0]} is one on pixels, and theta is not pixels"
        return super().why_not(problem) or not_by_itself(problem) or _bounds_refused(problem)

    @classmethod
    def suits(cls, problem: Problem) -> bool:
        """Terms with kinks; smooth ones have faster solvers."""
        return bool(kinked_names(problem))

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance
        self.reason: list[str | None] = [None] * problem.batch
        smooth, self.kinked = sort_terms(problem)
        self.one = problem.theta.new_ones(problem.batch)
        self.z = problem.theta
        self.momentum = self.one.clone()
        self.largest = torch.zeros_like(self.one)  # gradient of the run
        self.smooth = SmoothPart(problem, smooth)
        self.alone, self.denoising = self.smooth.missing(), self.smooth.denoising()
        self.inner = InnerProx(problem, self.kinked, tolerance=tolerance, alone=self.denoising is not None)
        self.known = False  # whether L is
        if self.denoising is None:
            lipschitz = self.smooth.quadratic_lipschitz()
            self.known = lipschitz is not None
            self.lipschitz = lipschitz if self.known else self.smooth.first_lipschitz()
            if not self.known:
                self.before, self.steepest = self.lipschitz, STEEPEST * self.lipschitz

    def step(self, active: torch.Tensor) -> torch.Tensor:
        if self.denoising is not None:
            return self._one_step(active)
        problem, x = self.problem, self.problem.theta
        at = self.smooth.at(self.z)
        lost = ~_finite(at)
        if bool(lost.any()):  # the momentum led out of the domain: go on from x
            self.z = where_image(lost, x, self.z)
            self.momentum = torch.where(lost, 1.0, self.momentum)
            at = self.smooth.at(self.z)
            self._give_up(~_finite(at), at)
        gradient = at.gradient
        new = self.inner.step(self.z - gradient / per_image(self.lipschitz, x), self.lipschitz.reciprocal(), active)
        if not self.known:
            new = self._backtrack(at, new, x, active)
        problem.move(new, active, start=x)
        return self._extrapolate(new, x, gradient, active)

    def _give_up(self, lost: torch.Tensor, at: Evaluation) -> None:
        """Leave images at x where no gradient leads on from there: their search has failed, as with too large an L."""
        at.gradients = [torch.where(per_image(lost, at.gradient).bool(), 0.0, at.gradient)]
        at.total = torch.where(lost, -torch.inf, at.total)  # no point lies below
        if not self.known:
            self.lipschitz = torch.where(lost, 2 * self.steepest, self.lipschitz)

    def _one_step(self, active: torch.Tensor) -> torch.Tensor:
        centre, precision = self.denoising
        new = self.inner.step(centre, 1 / precision, active)
        self.problem.move(new, active)
        if self.inner.gap is not None:
            return self.inner.gap
        self.reason = ["exact"] * self.problem.batch
        return torch.zeros_like(self.one)

    def _backtrack(self, at: Evaluation, new: torch.Tensor, x: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """Double L where F at the new point lies above its model; the others keep theirs.

        An image for which no L up to the steepest helps stays at `x`: its search has failed.
        """
        while True:
            away = new - self.z
            value = self.smooth.at(new, gradient=False).total
            model = at.total + dot(at.gradient, away) + self.lipschitz / 2 * dot(away, away)
            slack = 8 * torch.finfo(value.dtype).eps * at.total.abs()
            high = active & ~(value <= model + slack)
            failed = high & (self.lipschitz > self.steepest)
            if bool(failed.any()):
                new, high = where_image(failed, x, new), high & ~failed
            if not bool(high.any()):
                break
            self.lipschitz = torch.where(high, 2 * self.lipschitz, self.lipschitz)
            trial = self.inner.step(
                self.z - at.gradient / per_image(self.lipschitz, new), self.lipschitz.reciprocal(), high
            )
            new = where_image(high, trial, new)
        return new

    def _extrapolate(
        self, new: torch.Tensor, x: torch.Tensor, gradient: torch.Tensor, active: torch.Tensor
    ) -> torch.Tensor:
        step = new - x
        against = dot(self.z - new, step) > 0
        t = torch.where(against, 1.0, self.momentum)
        ratio = 1.0 if self.known else self.lipschitz / self.before
        t_new = (1 + (1 + 4 * ratio * t**2).sqrt()) / 2
        factor = torch.where(against | self.alone, 0.0, (t - 1) / t_new)
        mapping = self.lipschitz * norm(new - self.z)
        size = torch.where(self.alone, mapping, norm(gradient))
        self.largest = torch.where(active, torch.maximum(self.largest, size), self.largest)
        scale = torch.maximum(size, LARGEST_SHARE * self.largest)
        met = mapping <= self.inner.rounding(self.lipschitz)
        self.z = where_image(active, new + per_image(factor, new) * step, self.z)
        self.momentum = torch.where(active, t_new, self.momentum)
        self.inner.note_change(active, (mapping / self.lipschitz).square())
        if not self.known:
            failed = (active & (self.lipschitz > self.steepest)).tolist()
            self.reason = ["line search" if f else None for f in failed]
            self.before = torch.where(active, self.lipschitz, self.before)
            self.lipschitz = torch.where(active & ~self.alone, RELAX * self.lipschitz, self.lipschitz)
        self.lipschitz = torch.where(active & self.alone, FALL * self.lipschitz, self.lipschitz)
        return torch.where(met, 0.0, mapping / scale)

    def state_dict(self) -> dict:
        return super().state_dict() | self.inner.state_dict()

    def load_state_dict(self, state: dict) -> None:
        inner = {key: value for key, value in state.items() if key in self.inner.kept}
        self.inner.load_state_dict(inner)
        super().load_state_dict({key: value for key, value in state.items() if key not in inner})


def _bounds_refused(problem: Problem) -> str | None:
    """Why the problem's bounds, or the lack of them, cannot be taken; None where they can."""
    walls = open_walls(problem)
    if walls:
        return (
            f"{walls[0]} is infinite below zero and gradient steps get stuck there; give bounds from 0 on, or use ADMM"
        )
    _, kinked = sort_terms(problem)
    if problem.bounds is None or kinked is None:
        return None
    if kinked == "penalty":
        return "the penalty has kinks and theta has bounds, and their common proximal step is not known"
    if kinked[1].has_bounded_prox:
        return None
    return f"the proximal step of {kinked[1].name} within bounds is not known; use ADMM, or no bounds"


def _finite(at: Evaluation) -> torch.Tensor:
    return torch.isfinite(at.total) & torch.isfinite(norm(at.gradient))
