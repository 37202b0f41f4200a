"""Six kinds of distortion, each at five levels from hardly seen to strong, by name: what distances are judged on.

`corruptions` has what a denoiser is trained to undo; here stands what a perceptual distance should rank.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import grid_sample, interpolate

from deeprestore_lab.core.checks import check_choice, check_positive, check_units, check_whole
from deeprestore_lab.images.noise import gaussian_noise, streams
from deeprestore_lab.signal.convolution import convolve, gaussian_kernel

WARP_STEP = 16  # pixels between the points whose displacements are drawn


@dataclass(frozen=True)
class Distortion:
    """What a kind's level means, five levels from weak to strong, and the function (x, level, seed) -> y."""

    level_means: str
    levels: tuple[float, ...]
    apply: Callable[[torch.Tensor, float, int], torch.Tensor]


def _whole(level: float) -> int:
    return check_whole(int(level) if level == int(level) else level, name="level", least=1)


def _blur(x: torch.Tensor, level: float, seed: int) -> torch.Tensor:
    radius = min(int(4 * level + 0.5), (min(x.shape[2:]) - 1) // 2)  # the kernel has to fit in the image
    return convolve(x, gaussian_kernel(level, size=2 * radius + 1), border="reflect")


def _shift(x: torch.Tensor, level: float, seed: int) -> torch.Tensor:
    width, by = x.shape[3], _whole(level)
    if by >= width:
        raise ValueError(f"level must be a shift of fewer pixels than the image is wide, {width}; got {level}")
    return torch.cat([x[..., :by].flip(-1), x[..., : width - by]], dim=-1)


def _contrast(x: torch.Tensor, level: float, seed: int) -> torch.Tensor:
    if level > 1:
        raise ValueError(f"level must be the share of the contrast that is lost, at most 1, got {level}")
    return torch.lerp(x, x.mean((1, 2, 3), keepdim=True).expand_as(x), level)


def _jpeg(x: torch.Tensor, level: float, seed: int) -> torch.Tensor:
    quality = _whole(level)
    if quality > 95 or x.shape[1] not in (1, 3):
        raise ValueError(f"JPEG takes a quality of at most 95 and 1 or 3 channels, got {level} and {x.shape[1]}")
    decoded = []
    for image in (x.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8):
        file = io.BytesIO()
        values = image.permute(1, 2, 0).numpy()
        Image.fromarray(values[..., 0] if x.shape[1] == 1 else values).save(file, "JPEG", quality=quality)
        values = np.atleast_3d(np.asarray(Image.open(file)))
        decoded.append(torch.from_numpy(values.copy()).permute(2, 0, 1))
    return (torch.stack(decoded).double() / 255).to(x)


def _displacements(shape: tuple[int, int], level: float, generator: torch.Generator) -> torch.Tensor:
    """A smooth field `(2, H, W)`, across and down, of root mean square length `level`."""
    coarse = torch.randn(1, 2, *[math.ceil(n / WARP_STEP) + 1 for n in shape], generator=generator)
    field = interpolate(coarse, shape, mode="bicubic", align_corners=True)[0]
    return level * field / field.square().sum(0).mean().sqrt()


def _warp(x: torch.Tensor, level: float, seed: int) -> torch.Tensor:
    height, width = x.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([columns, rows])
    moved = torch.stack([pixels + _displacements((height, width), level, g) for g in streams(seed, x.shape[0])])
    grid = (2 * moved + 1) / torch.tensor([width, height]).view(1, 2, 1, 1) - 1  # pixel centres inside (-1, 1)
    grid = grid.permute(0, 2, 3, 1).to(x)
    return grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


DISTORTIONS = {
    "blur": Distortion("standard deviation of a Gaussian blur, in pixels", (0.5, 0.8, 1.2, 2.0, 3.0), _blur),
    "noise": Distortion(
        "standard deviation of Gaussian noise, in [0, 1] units",
        (0.01, 0.02, 0.04, 0.08, 0.16),
        lambda x, level, seed: x + gaussian_noise(x, sigma=level, seed=seed),
    ),
    "shift": Distortion("whole pixels to the right", (1, 2, 3, 5, 8), _shift),
    "contrast": Distortion("share of the contrast that is lost", (0.05, 0.1, 0.2, 0.35, 0.55), _contrast),
    "jpeg": Distortion("quality, where less is worse", (80, 50, 30, 15, 7), _jpeg),
    "warp": Distortion("root mean square of a smooth random displacement, in pixels", (0.3, 0.6, 1.0, 1.8, 3.0), _warp),
}


def distort(x: torch.Tensor, kind: str, *, level: float, seed: int = 0) -> torch.Tensor:
    r"""The images `(N, C, H, W)` with one of six kinds of distortion, as pictures again: clipped to [0, 1].

    `kind` and what `level` means (`DISTORTIONS[kind].levels` has five of them, from weak to strong):

    - "blur": the standard deviation of a Gaussian blur in pixels; the border mirrors.
    - "noise": sigma of Gaussian noise in [0, 1] units.
    - "shift": whole pixels to the right; what comes in at the left is the picture mirrored.
    - "contrast": the share lost, (1 - level) x + level m with m the mean of the image over channels and pixels.
    - "jpeg": the quality, from 1 to 95, less is worse; 8 bits, chroma at half the resolution, no gradient.
    - "warp": the root mean square length in pixels of a smooth random displacement: bicubic through normal draws
      16 pixels apart. The picture is sampled bicubically; its border mirrors.

    Only "noise" and "warp" draw numbers; what image i of a batch gets depends on `seed` and i. Raises `ValueError` for
    another kind or a level that does not fit. Taught in chapter 07_feature_losses.

    >>> x = torch.rand(2, 3, 16, 16)
    >>> y = distort(x, "shift", level=2)
    >>> torch.equal(y[..., 2:], x[..., :-2]), tuple(DISTORTIONS)
    (True, ('blur', 'noise', 'shift', 'contrast', 'jpeg', 'warp'))
    """
    distortion = DISTORTIONS[check_choice(kind, tuple(DISTORTIONS), name="kind")]
    level = check_positive(level, name="level", single=True)
    return distortion.apply(check_units(x), level, seed).clamp(0, 1)
