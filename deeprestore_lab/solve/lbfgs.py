"""L-BFGS for a batch: history, products and line search of each image by itself."""

import torch

from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.solve.bookkeeping import ROOTS
from deeprestore_lab.solve.line_search import Trial, strong_wolfe
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.sharp_terms import kinked_names
from deeprestore_lab.solve.solver import Solver, not_by_itself
from deeprestore_lab.solve.two_loop import Pair, direction, dot

HISTORY = 10
STALLED = 10  # steps in a row in which neither the energy nor the smallest gradient fell in this precision


class LBFGS(Solver):
    r"""theta <- theta - t H g, with H the inverse Hessian as the last 10 steps show it and t from a line search.

    One evaluation of energy and gradient serves one trial step of all images; each has its own t. Images that are
    done stay as they are. The step fulfils the strong Wolfe conditions.

    Bounds: values at a bound whose gradient points out of the range are held, H is built from the others alone, and
    the line search follows theta projected onto the range (two-metric projection), with the decrease condition only.

    Optimality of an image: the norm of its gradient (without the values held at bounds) over the largest such norm
    that it had in this run. A run that starts at the optimum cannot reduce its gradient: it stops with "line search",
    as does an image whose energy has no more digits to lose.

    Raises `ValueError` where the gradient at the start is not finite.

    Source: Liu & Nocedal (1989); Bertsekas (1982) for the projection. Differs from the former in that a pair
    without positive curvature is left out. Taught in chapter 10_map.
    """

    name = "lbfgs"
    default_steps = 500
    default_tolerance = 1e-5

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        kinked = kinked_names(problem)
        if kinked:
            return (
                f"it needs a gradient everywhere and {', '.join(kinked)} has kinks; smooth it (for total variation: "
                "smoothing=1e-3), or use a proximal solver or ADMM"
            )
        projects = type(problem.parametrisation).project_ is not Parametrisation.project_
        if projects and not hasattr(problem.parametrisation, "bounds"):
            return (
                "it holds theta to a range by `bounds` = (low, high) only, and this parametrisation projects otherwise"
            )
        return super().why_not(problem) or not_by_itself(problem)

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance
        self.reason: list[str | None] = [None] * problem.batch
        self.pairs: list[Pair] = []
        at = problem.evaluate()
        problem.note(shares=at.shares, x=at.x)
        self.shares, self.energy, self.gradient = at.shares, at.total, at.gradient.flatten(1)
        finite = torch.isfinite(self.gradient).all(1) | ~torch.isfinite(self.energy)  # the loop reports the latter
        if not bool(finite.all()):
            image = int((~finite).nonzero()[0])
            raise ValueError(
                f"the gradient at the start is not finite for image {image} ({ROOTS}); mend that term, or start from "
                "another image"
            )
        self.largest = torch.zeros_like(self.energy)
        self.smallest = torch.full_like(self.energy, torch.inf)
        self.stalled = torch.zeros_like(self.energy)

    def step(self, active: torch.Tensor) -> torch.Tensor:
        theta, g = self.problem.theta.flatten(1), self.gradient
        free = self._free(theta, g)
        d, known = direction(g, self.pairs, free)
        d, slope, known = self._descent(theta, g, d, free, known)
        d, slope = torch.where(active[:, None], d, 0.0), torch.where(active, slope, 0.0)
        length = torch.linalg.vector_norm(d, dim=1)
        first = torch.where(known, 1.0, 1 / length.clamp_min(torch.finfo(d.dtype).tiny))
        self.largest = torch.maximum(self.largest, self._norm(g, free))

        start = Trial(torch.zeros_like(slope), self.energy, slope, torch.zeros_like(slope), theta, g, self.shares)
        bounded = self.problem.bounds is not None
        best, moved = strong_wolfe(
            lambda t: self._try(theta, g, d, t), start, first, active & (slope < 0), curvature=not bounded
        )
        shape = self.problem.theta.shape
        self.problem.move(best.theta.reshape(shape), active, start=theta.reshape(shape), shares=best.shares)
        self._remember(best, theta, g, moved)
        norm = self._norm(best.gradient, self._free(best.theta, best.gradient))
        optimality = torch.where(self.largest > 0, norm / self.largest, 0.0)
        self._note_reasons(active, moved, known, best.energy, optimality)
        self.shares, self.energy, self.gradient = best.shares, best.energy, best.gradient
        return optimality

    def _try(self, theta: torch.Tensor, g: torch.Tensor, d: torch.Tensor, t: torch.Tensor) -> Trial:
        """Evaluate at each image's own step; along a projected line only the values inside the range move."""
        new, moving = torch.addcmul(theta, t[:, None], d), d
        promised = None
        if self.problem.bounds is not None:
            low, high = self.problem.bounds
            moving = torch.where((new > low) & (new < high), d, 0.0)
            new = new.clamp(low, high)
            promised = dot(g, new - theta)
        at = self.problem.evaluate(new.reshape(self.problem.theta.shape))
        gradient = at.gradient.flatten(1)
        promised = t * dot(g, d) if promised is None else promised
        return Trial(t, at.total, dot(gradient, moving), promised, new, gradient, at.shares)

    def _free(self, theta: torch.Tensor, g: torch.Tensor) -> torch.Tensor | None:
        """Which values are not held at a bound; None where there are no bounds."""
        if self.problem.bounds is None:
            return None
        low, high = self.problem.bounds
        return ~(((theta <= low) & (g > 0)) | ((theta >= high) & (g < 0)))

    @staticmethod
    def _norm(g: torch.Tensor, free: torch.Tensor | None) -> torch.Tensor:
        return torch.linalg.vector_norm(g if free is None else g * free, dim=1)

    def _descent(self, theta, g, d, free, known) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The direction where it goes down and stays in the range, else the steepest descent of that image."""
        if free is not None:
            low, high = self.problem.bounds
            d = torch.where(((theta <= low) & (d < 0)) | ((theta >= high) & (d > 0)), 0.0, d)
        slope = dot(g, d)
        steepest = -g if free is None else -g * free
        down = slope < 0
        if not bool(down.all()):
            d = torch.where(down[:, None], d, steepest)
            slope, known = dot(g, d), known & down
        return d, slope, known

    def _remember(self, best: Trial, theta: torch.Tensor, g: torch.Tensor, moved: torch.Tensor) -> None:
        pair = Pair.make(best.theta - theta, best.gradient - g, moved)
        self.pairs = [*self.pairs, pair][-HISTORY:]

    def _note_reasons(
        self,
        active: torch.Tensor,
        moved: torch.Tensor,
        known: torch.Tensor,
        energy: torch.Tensor,
        optimality: torch.Tensor,
    ) -> None:
        """Forget the history of an image whose search failed; stop it where there was none, or where it stalls."""
        gained = self.energy - energy > torch.finfo(energy.dtype).eps * energy.abs()
        self.stalled = torch.where(gained | (optimality < self.smallest), 0.0, self.stalled + 1)
        self.smallest = torch.minimum(self.smallest, optimality)
        failed = active & ~moved
        if bool((failed & known).any()):
            for pair in self.pairs:
                pair.usable = pair.usable & ~(failed & known)
        stuck = active & ((failed & ~known) | (self.stalled >= STALLED)) & ~(optimality <= self.tolerance)
        for image in stuck.nonzero().flatten().tolist():
            self.reason[image] = "line search"

    def state_dict(self) -> dict:
        keys = ("reason", "shares", "energy", "gradient", "largest", "smallest", "stalled")
        return {**{key: getattr(self, key) for key in keys}, "pairs": [vars(pair) for pair in self.pairs]}

    def load_state_dict(self, state: dict) -> None:
        for key, value in state.items():
            setattr(self, key, [Pair(**pair) for pair in value] if key == "pairs" else value)
