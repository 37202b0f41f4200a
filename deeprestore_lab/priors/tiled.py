"""A density of small windows as a prior of whole maps. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.energies import Energy, Weight
from deeprestore_lab.priors.base import Prior


class Tiled(Prior):
    r"""R(z) = sum_t energy(z_t) over windows of `side` x `side` that lie edge to edge, each taken by itself.

    `energy` maps windows `(M, C, side, side)` to `(M,)`: minus the bound of a variational auto-encoder with its noise
    held fixed, say. Every value counts once, and windows count as independent: nothing is said across their seams.
    Positions beyond the last whole window are left out. An energy of this library passes on its proximal step, which is
    that of each window, where it has one that does not come by iterations with a gap. Shapes: z `(N, C, H, W)`, value
    `(N,)`. Raises `ValueError` for maps smaller than a window and an energy that gives another shape. Taught in chapter
    19_feature_map_priors.

    >>> float(Tiled(lambda t: t.flatten(1).sum(1), side=2)(torch.ones(1, 1, 4, 5)))  # the last column is left out
    16.0
    """

    name = "tiles"

    def __init__(self, energy: Callable[[torch.Tensor], torch.Tensor], *, side: int) -> None:
        if not callable(energy):
            raise ValueError(f"energy must map windows to one number each, got {describe(energy)}")
        self.energy, self.side = energy, check_whole(side, name="side", least=1)

    @property
    def smooth(self) -> bool:
        """Whether `energy` says so; a function that says nothing is taken for smooth."""
        return getattr(self.energy, "smooth", True)

    @property
    def has_prox(self) -> bool:
        own = self.energy
        return isinstance(own, Energy) and own.has_prox and not own.has_inexact_prox

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """The step of each window; what no window has stays."""
        if not self.has_prox:
            return super().prox(v, step)
        windows, (batch, channels) = self._windows(v), v.shape[:2]
        if isinstance(step, torch.Tensor) and len(step) > 1:
            step = step.repeat_interleave(len(windows) // batch)
        rows, columns = (n // self.side for n in v.shape[2:])
        found = self.energy.prox(windows, step).view(batch, rows, columns, channels, self.side, self.side)
        x = v.clone()
        inside = x[..., : rows * self.side, : columns * self.side]
        inside.copy_(found.permute(0, 3, 1, 4, 2, 5).reshape(inside.shape))
        return x

    def _windows(self, x: torch.Tensor) -> torch.Tensor:
        if min(x.shape[2:]) < self.side:
            raise ValueError(f"maps must be at least {self.side} x {self.side}, got {describe(x)}")
        return tiles(x, self.side)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        windows = self._windows(x)
        values = self.energy(windows)
        if not isinstance(values, torch.Tensor) or values.shape != windows.shape[:1]:
            raise ValueError(f"energy must give one number a window, ({len(windows)},), got {describe(values)}")
        return values.view(len(x), -1).sum(1)


def tiles(x: torch.Tensor, side: int) -> torch.Tensor:
    """Windows edge to edge, those of one map after those of another: `(N, C, H, W) -> (N windows, C, side, side)`."""
    cut = x.unfold(2, side, side).unfold(3, side, side)  # (N, C, rows, columns, side, side)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
