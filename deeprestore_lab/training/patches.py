"""Patches of photographs to learn from, drawn by a seed alone, with or without flips and free positions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole, describe


class Patches:
    r"""Square patches `(count, C, size, size)` of some photographs.

    `photographs` are tensors `(1, C, H, W)` of any size; a photograph is chosen in proportion to how many positions
    it offers. With `crops` a patch may stand anywhere, without only on a grid of steps of `size`. With `flips` it is
    turned over left to right or not, with equal chance. Draws with the same seed are the same. Raises `ValueError` for
    photographs that are smaller than a patch or differ in channels. Taught in chapter 05_learning_filters.

    >>> patches = Patches([torch.zeros(1, 3, 64, 96)], size=32)
    >>> patches.draw(5, seed=0).shape, Patches([torch.zeros(1, 3, 64, 96)], size=32, crops=False).positions
    (torch.Size([5, 3, 32, 32]), 6)
    """

    def __init__(
        self, photographs: Sequence[torch.Tensor], *, size: int, flips: bool = True, crops: bool = True
    ) -> None:
        if isinstance(photographs, torch.Tensor) or not photographs:
            raise ValueError(
                f"photographs must be a sequence of image tensors (1, C, H, W), got {describe(photographs)}"
            )
        self.size, self.flips = check_whole(size, name="size", least=1), bool(flips)
        for x in photographs:
            check_images(x, name="a photograph", channels=photographs[0].shape[1])
            if x.shape[0] != 1 or min(x.shape[2:]) < size:
                raise ValueError(f"a photograph must be (1, C, H, W) of at least {size} x {size}, got {describe(x)}")
        self.photographs = list(photographs)
        self.step = 1 if crops else size
        self.grids = [tuple((n - size) // self.step + 1 for n in x.shape[2:]) for x in photographs]
        self.positions = sum(rows * columns for rows, columns in self.grids)

    def draw(self, count: int, *, seed: int) -> torch.Tensor:
        """`count` patches, each drawn by itself, with replacement."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        chosen = torch.randint(self.positions, (check_whole(count, name="count", least=1),), generator=generator)
        flipped = torch.rand(count, generator=generator) < 0.5
        drawn = [self._patch(place) for place in chosen.tolist()]
        pairs = zip(drawn, flipped.tolist(), strict=True)
        return torch.cat([patch.flip(-1) if self.flips and flip else patch for patch, flip in pairs])

    def every(self, *, limit: int = 100_000) -> torch.Tensor:
        """The patch at every position, unflipped, `(positions, C, size, size)`; refused above `limit`."""
        if self.positions > limit:
            raise ValueError(f"there are {self.positions} positions, more than the limit of {limit}; use draw")
        return torch.cat([self._patch(place) for place in range(self.positions)])

    def _patch(self, place: int) -> torch.Tensor:
        for x, (rows, columns) in zip(self.photographs, self.grids, strict=True):
            if place < rows * columns:
                top, left = (place // columns) * self.step, (place % columns) * self.step
                return x[:, :, top : top + self.size, left : left + self.size]
            place -= rows * columns
        raise IndexError(f"position {place} is outside of the photographs")
