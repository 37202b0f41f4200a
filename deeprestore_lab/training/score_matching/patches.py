"""Patches of photographs as vectors for score matching: mean-free, dithered, and none of them flat.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_seed, check_units, check_weight, check_whole, describe
from deeprestore_lab.images.transforms import to_grey
from deeprestore_lab.training.augmentation import Patches

STEP = 1 / 255  # between neighbouring grey levels
LEAST_CONTRAST = 2.0  # a patch below it, in grey levels of standard deviation, says nothing of filters


def patch_vectors(
    photographs: Sequence[torch.Tensor], *, size: int, count: int, seed: int, contrast: float = LEAST_CONTRAST
) -> torch.Tensor:
    r"""`count` grey patches as rows `(count, size^2)`, float32: dithered, less their own mean, none of them flat.

    Each pixel gets uniform noise of one grey level, which fills the gaps between the levels; without it score matching
    learns these. A patch whose standard deviation is below `contrast` grey levels is left out: an empty sky is one
    patch many times, and a filter that ignores it makes the loss as small as it likes. Colour is made grey. Raises
    `ValueError` where photographs have too few patches of that contrast, and for what are no photographs in [0, 1].
    Taught in chapter 14_learned_filters.

    >>> x = patch_vectors([torch.rand(1, 1, 32, 32)], size=4, count=100, seed=0)
    >>> x.shape, bool(x.mean(1).abs().max() < 1e-6)
    (torch.Size([100, 16]), True)
    """
    check_whole(count, name="count", least=1)
    contrast = check_weight(contrast, name="contrast", single=True)
    if isinstance(photographs, torch.Tensor):
        raise ValueError(f"photographs must be a sequence of image tensors (1, C, H, W), got {describe(photographs)}")
    photographs = [check_units(x, name="a photograph") for x in photographs]
    source = Patches([to_grey(x) for x in photographs], size=size, flips=False)
    generator, kept, found = torch.Generator().manual_seed(check_seed(seed)), [], 0
    for _ in range(10):
        x = _drawn(source, count, generator)
        x = x + STEP * (torch.rand(x.shape, generator=generator) - 0.5)
        x = x - x.mean(1, keepdim=True)
        x = x[x.square().mean(1).sqrt() >= contrast * STEP]
        kept, found = [*kept, x], found + len(x)
        if found >= count:
            return torch.cat(kept)[:count]
    raise ValueError(f"only {found} of {10 * count} patches drawn have a contrast of {contrast:g} grey levels")


def _drawn(source: Patches, count: int, generator: torch.Generator) -> torch.Tensor:
    """As `Patches.draw` draws, by one look-up for each photograph in place of one for each patch: rows, float32."""
    ends = torch.tensor([rows * columns for rows, columns in source.grids]).cumsum(0)
    chosen = torch.randint(source.positions, (count,), generator=generator)
    owner = torch.searchsorted(ends, chosen, right=True)
    x = torch.empty(count, source.size**2)
    for place, (photograph, (_, columns)) in enumerate(zip(source.photographs, source.grids, strict=True)):
        own = owner == place
        at = chosen[own] - (ends[place - 1] if place else 0)
        windows = photograph[0, 0].unfold(0, source.size, 1).unfold(1, source.size, 1)
        x[own] = windows[at // columns, at % columns].flatten(1).float()
    return x
