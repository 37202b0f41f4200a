"""Weights of priors chosen by one rule for all, on pictures of their own; a best weight at the edge widens the grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from deeprestore_lab.energies import Energy
from deeprestore_lab.measures.metrics import psnr
from scripts.making.map_inversion import MINI, Steered, sets, solve, start

RATIO = 10**0.5  # of neighbouring weights of a grid
WIDENED = 3  # times at most
Terms = list[tuple[float | torch.Tensor, Energy | Steered]]
Prior = Callable[[torch.Tensor, torch.Tensor], Terms]  # of a weight for each picture: the image prior's, the new one's


@dataclass
class Choice:
    """What was tried, as (image weight, weight, PSNR), and the best of it."""

    tried: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def best(self) -> tuple[float, float, float]:
        return max(self.tried, key=lambda own: own[2])

    def edge(self, axis: int) -> int:
        """-1 or 1 where the best is the smallest or the largest weight of several on an axis; else 0."""
        values = sorted({own[axis] for own in self.tried})
        if len(values) == 1:
            return 0
        return {values[0]: -1, values[-1]: 1}.get(self.best[axis], 0)


def scores(
    prior: Prior, settings: list[tuple[float, float]], *, steps: int, warm: bool = True, name: str = MINI
) -> list[float]:
    """Mean PSNR over the pictures to tune on, all settings in one batch."""
    x = sets(name)["tuned"]
    many = x.repeat(len(settings), 1, 1, 1)
    begin = start(x, seed=0, warm=warm, name=name).repeat(len(settings), 1, 1, 1)
    first, second = (torch.tensor([own[i] for own in settings]).repeat_interleave(len(x)) for i in (0, 1))
    found = psnr(solve(many, prior(first, second), begin, steps=steps, name=name), many)
    return found.view(len(settings), len(x)).mean(1).tolist()


def tune(
    prior: Prior,
    first: list[float],
    second: list[float],
    *,
    budget: int,
    steps: int,
    warm: bool = True,
    name: str = MINI,
) -> Choice:
    """All pairs of the two grids, then along the axis at whose edge the best is, until `budget` settings were tried.

    What is left of the budget goes to the neighbours of the best at half a step of the grid, then at a quarter.
    """
    choice = Choice()

    def tries(settings: list[tuple[float, float]]) -> None:
        known = {own[:2] for own in choice.tried}
        new = [own for own in dict.fromkeys(settings) if own not in known][: budget - len(choice.tried)]
        if new:
            values = scores(prior, new, steps=steps, warm=warm, name=name)
            choice.tried += [(*own, value) for own, value in zip(new, values, strict=True)]

    tries([(a, b) for a in first for b in second])
    for _ in range(WIDENED):
        a, b, _value = choice.best
        new = []
        if side := choice.edge(0):
            new += [(a * RATIO**side, b), (a * RATIO ** (2 * side), b)]
        if side := choice.edge(1):
            new += [(a, b * 10**side), (a * RATIO ** choice.edge(0), b * 10**side)]
        if not new:
            break
        tries(new)
    near = RATIO**0.5
    while len(choice.tried) < budget:
        a, b, _value = choice.best
        tries([(a, b * near), (a, b / near)] if len(second) > 1 else [])
        tries([(a * near, b), (a / near, b)])
        near **= 0.5
    return choice
