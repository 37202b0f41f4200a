"""What a solver shows where the energy of its iterate is infinite: a point near it where the energy is finite."""

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.energies import Energy
from deeprestore_lab.operators.base import Identity, LinearOperator
from deeprestore_lab.solve.norms import norm
from deeprestore_lab.solve.problem import Evaluation, Problem

SMALLEST_SHARE = 1e-8  # of a way to images of finite energy, tried first
LIFTS = 20  # steps at most that raise the means of a split: with momentum they end above zero, and not far above


class FinitePoint:
    """Where the energy is infinite at an iterate, the lowest of the points found on ways to images of finite energy.

    First the iterate x is lifted where f(K x) is infinite, for a split into f and K: by steps down
    1/2 ||min(K x, 0)||^2. They change x only near the places where K x is negative; a brighter image would pay for a
    few of them everywhere. From there, there are two ways: to the image without its negative values, and to a brighter
    one. Each is taken as far as its energy is infinite: in shares that double from a quarter of what the step before
    needed. Where neither ends in a finite energy it is the start of the run. Each image goes its own way.
    """

    def __init__(self, problem: Problem, splits: list[tuple[LinearOperator, Energy]]) -> None:
        self.problem, self.start = problem, problem.theta.clone()  # a restored run writes into theta
        self.splits = [(operator, f) for operator, f in splits if not isinstance(operator, Identity) and f.has_value]
        height = self.start.abs().amax((1, 2, 3), keepdim=True)
        self.brighter = torch.where(height > 0, height, 1.0)
        self.share = [self.start.new_zeros(problem.batch)] * 2  # of each way, as last needed

    def show(self, iterate: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """Make the iterate that of the problem, or the point found; return how far it is, over the iterate's size."""
        before, iterate = self.problem.theta, self.problem.project(iterate)
        at = self._look(iterate, active, before)
        wanted = active & torch.isinf(at.total)
        if not bool(wanted.any()):
            self.problem.note(shares=at.shares, x=at.x)
            return torch.zeros_like(at.total)
        lifted = self.problem.project(self._lifted(iterate, wanted))
        shown = self._lowest(lifted, at.total, wanted, active, before)
        at = self._look(shown, active, before)
        self.problem.note(shares=at.shares, x=at.x)
        return norm(shown - iterate) / norm(iterate).clamp_min(torch.finfo(iterate.dtype).tiny)

    def _lifted(self, x: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        for operator, f in self.splits:
            low = wanted & torch.isinf(f.value(operator.apply(x)))
            if bool(low.any()):
                x = where_image(low, _lift(x, operator), x)
        return x

    def _lowest(
        self,
        iterate: torch.Tensor,
        total: torch.Tensor,
        wanted: torch.Tensor,
        active: torch.Tensor,
        before: torch.Tensor,
    ) -> torch.Tensor:
        """The best point of all ways for the images in `wanted`, whose start it is where none helps."""
        shown, lowest = iterate, total
        for way, end in enumerate((iterate.clamp_min(0), iterate + self.brighter)):
            point, value = self._first(way, iterate, self.problem.project(end), wanted, active, before)
            shown, lowest = where_image(value < lowest, point, shown), torch.minimum(value, lowest)
        return where_image(wanted & torch.isinf(lowest), self.start, shown)

    def _first(
        self,
        way: int,
        iterate: torch.Tensor,
        end: torch.Tensor,
        wanted: torch.Tensor,
        active: torch.Tensor,
        before: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The first point of finite energy on the way to `end`, and its energy; infinity where none was found."""
        point, value = iterate, torch.full_like(self.share[way], torch.inf)
        share = (self.share[way] / 4).clamp_min(SMALLEST_SHARE)
        while True:
            candidate = torch.lerp(iterate, end, per_image(share, iterate))
            total = self._look(candidate, active, before).total
            found = wanted & ~torch.isinf(total)
            point, value = where_image(found, candidate, point), torch.where(found, total, value)
            self.share[way] = torch.where(found, share, self.share[way])
            wanted = wanted & ~found
            if not bool((wanted & (share < 1)).any()):
                return point, value
            share = torch.where(wanted, (2 * share).clamp_max(1), share)

    def _look(self, candidate: torch.Tensor, active: torch.Tensor, before: torch.Tensor) -> Evaluation:
        """The equation at `candidate`, which is loaded for the active images; the others stay as they were before."""
        return self.problem.evaluate(where_image(active, candidate, before), gradient=False)


def _lift(x: torch.Tensor, operator: LinearOperator) -> torch.Tensor:
    """Accelerated steps down 1/2 ||min(K x, 0)||^2, until K x is nowhere negative; each image by itself."""
    step, momentum, ahead = per_image(operator.norm(x), x) ** -2, 1.0, x
    for _ in range(LIFTS):
        below = operator.apply(ahead).clamp_max(0)
        low = (below < 0).flatten(1).any(1)
        if not bool(low.any()):
            break
        new = ahead - step * operator.adjoint(below)
        later = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        further = new + (momentum - 1) / later * (new - x)
        x, ahead, momentum = where_image(low, new, ahead), where_image(low, further, ahead), later
    return x


def where_image(chosen: torch.Tensor, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """`new` for the images in `chosen` `(N,)`, `old` for the others."""
    return torch.where(chosen.reshape(-1, *[1] * (new.ndim - 1)), new, old)
