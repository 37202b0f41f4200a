"""The four kinds of damage that chapter 04 trains on, each with one level, by name."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_choice, check_positive, check_units
from deeprestore_lab.images.noise import gaussian_noise, knock_out_blocks, poisson, salt_and_pepper

BLOCK = 4  # pixels, the side of a knocked-out block


@dataclass(frozen=True)
class Corruption:
    """A kind of damage: what its level means, the level used in the course, and the function (x, level, seed) -> y."""

    level_means: str
    level: float
    apply: Callable[[torch.Tensor, float, int], torch.Tensor]


def _blocks(x: torch.Tensor, level: float, seed: int) -> torch.Tensor:
    if level > 1:
        raise ValueError(f"level of blocks is a share of the image, at most 1, got {level:g}")
    count = max(1, round(level * x.shape[2] * x.shape[3] / BLOCK**2))
    return knock_out_blocks(x, size=BLOCK, count=count, seed=seed)[0]


CORRUPTIONS = {
    "gaussian": Corruption(
        "standard deviation, in [0, 1] units",
        25 / 255,
        lambda x, level, seed: x + gaussian_noise(x, sigma=level, seed=seed),
    ),
    "poisson": Corruption(
        "peak: the expected count of a white pixel", 30.0, lambda x, level, seed: poisson(x, peak=level, seed=seed)
    ),
    "blocks": Corruption("area of the black blocks of 4 x 4 pixels, overlaps counted twice, as a share", 0.1, _blocks),
    "salt_and_pepper": Corruption(
        "share of pixels that become black or white",
        0.1,
        lambda x, level, seed: salt_and_pepper(x, amount=level, seed=seed)[0],
    ),
}


def corrupt(x: torch.Tensor, kind: str, *, seed: int, level: float | None = None) -> torch.Tensor:
    r"""The images `(N, C, H, W)` with one of four kinds of damage; nothing is clipped.

    `kind`: "gaussian" (level: sigma, 25/255 unless given), "poisson" (level: the peak, 30), "blocks" (black squares of
    4 x 4 pixels; level: their area as a share of the image, 0.1, overlaps counted twice), "salt_and_pepper" (level: the
    share of pixels hit, 0.1). Raises `ValueError` for another kind or a level that does not fit. Taught in chapter
    04_denoising_autoencoders.

    >>> x = torch.full((1, 3, 8, 8), 0.5)
    >>> sorted(set(corrupt(x, "blocks", seed=0).flatten().tolist()))
    [0.0, 0.5]
    """
    corruption = CORRUPTIONS[check_choice(kind, tuple(CORRUPTIONS), name="kind")]
    check_units(x)
    level = corruption.level if level is None else check_positive(level, name="level", single=True)
    return corruption.apply(x, level, seed)
