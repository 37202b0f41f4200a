"""Patches of photographs as vectors for score matching: mean-free, dithered, and none of them flat.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_whole
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
    `ValueError` where photographs have too few patches of that contrast. Taught in chapter 14_learned_filters.

    >>> x = patch_vectors([torch.rand(1, 1, 32, 32)], size=4, count=100, seed=0)
    >>> x.shape, bool(x.mean(1).abs().max() < 1e-6)
    (torch.Size([100, 16]), True)
    """
    check_whole(count, name="count", least=1)
    source = Patches([to_grey(x) for x in photographs], size=size, flips=False)
    generator, kept, found = torch.Generator().manual_seed(seed), [], 0
    for _ in range(10):
        x = source.draw(count, seed=int(torch.randint(2**31, (), generator=generator))).flatten(1)
        x = x + STEP * (torch.rand(x.shape, generator=generator) - 0.5)
        x = x - x.mean(1, keepdim=True)
        x = x[x.square().mean(1).sqrt() >= contrast * STEP]
        kept, found = [*kept, x], found + len(x)
        if found >= count:
            return torch.cat(kept)[:count]
    raise ValueError(f"only {found} of {10 * count} patches drawn have a contrast of {contrast:g} grey levels")
