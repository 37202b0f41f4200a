"""Noise, each kind seeded: Gaussian, Poisson with its peak, salt and pepper, blocks knocked out.

Every function draws image by image: what image i of a batch gets depends on the seed, on i and on the shape of
one image, never on how many images follow. Numbers come from the CPU's generator in one precision, so they are
the same on every device and for every float type (on one version of torch). Taught in chapters
04_denoising_autoencoders and 10_map.
"""

import numpy as np
import torch

from deeprestore_lab.core.checks import (
    check_level,
    check_not_negative,
    check_positive,
    check_precision,
    check_units,
    check_weight,
    check_whole,
    describe,
    per_image,
)


def streams(seed: int, count: int) -> list[torch.Generator]:
    """One CPU generator per image, each a function of `seed` and the image's place in the batch alone.

    Raises `ValueError` where `seed` is not a whole number of at least 0.
    """
    whole = check_whole(seed, name="seed", least=0)
    states = [np.random.SeedSequence([whole, place]).generate_state(1, np.uint64)[0] for place in range(count)]
    return [torch.Generator().manual_seed(int(state)) for state in states]


def gaussian_noise(x: torch.Tensor, *, sigma: float | torch.Tensor, seed: int) -> torch.Tensor:
    r"""Independent Gaussian noise n of the shape of `x`, to be added: y = A(x) + n with n ~ N(0, sigma^2).

    `x` is any float tensor whose first dimension is the batch, `sigma` the noise level in the units of x, a float
    or `(N,)`; at most 1 for images of one or three channels. The sum is not clipped: y leaves [0, 1], as the Gaussian
    model says. Raises `ValueError` for another kind of tensor, noise level or seed, and images in 0 to 255.

    >>> n = gaussian_noise(torch.zeros(1, 3, 64, 64), sigma=0.1, seed=0)
    >>> 0.098 < float(n.std()) < 0.102
    True
    """
    _check_batch(x)
    level = check_level(sigma, zero=True) if _is_picture(x) else check_weight(sigma, name="sigma")
    level = per_image(level, x)
    drawn = [torch.randn(x.shape[1:], generator=generator) for generator in streams(seed, x.shape[0])]
    return level * torch.stack(drawn).to(x)


def poisson(x: torch.Tensor, *, peak: float | torch.Tensor, seed: int) -> torch.Tensor:
    r"""What a camera that counts photons sees: counts / peak, with counts ~ Poisson(peak * x).

    `peak` is the expected count of a white pixel (x = 1), a float or `(N,)`. Mean x, variance x / peak: the noise
    grows with the brightness, unlike Gaussian noise. What rounding left below 0 (after a blur by FFT) counts as 0.
    Raises `ValueError` for values of `x` below that, or not finite.
    """
    _check_batch(x)
    mean = check_not_negative(x.detach(), name="x").cpu().double()
    peaks = per_image(check_positive(peak, name="peak"), mean)
    pairs = zip(mean * peaks, streams(seed, x.shape[0]), strict=True)
    return (torch.stack([torch.poisson(rate, generator=generator) for rate, generator in pairs]) / peaks).to(x)


def salt_and_pepper(x: torch.Tensor, *, amount: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Each pixel becomes white or black with probability `amount`, all its channels at once.

    Returns the corrupted images and the mask `(N, 1, H, W)` of pixels left as they were (1) or hit (0). Half of
    the hits are expected to be white. Raises `ValueError` for an `amount` outside [0, 1].
    """
    check_units(x)
    if not 0 <= check_weight(amount, name="amount", single=True) <= 1:
        raise ValueError(f"amount must be a share between 0 and 1, got {amount!r}")
    shape = (1, *x.shape[2:])
    drawn = torch.stack([torch.rand(shape, generator=generator) for generator in streams(seed, x.shape[0])])
    hit, white = (drawn < amount).to(x.device), (drawn < amount / 2).to(x)
    return torch.where(hit, white, x), (~hit).to(x)


def knock_out_blocks(
    x: torch.Tensor, *, size: int, count: int, seed: int, value: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """`count` squares of `size` x `size` pixels in each image are set to `value`; they may overlap.

    Returns the corrupted images and the mask `(N, 1, H, W)` of pixels left as they were (1) or lost (0). Raises
    `ValueError` where a block does not fit in the image.
    """
    check_units(x)
    known = torch.cat([blocks(x.shape[2:], size=size, count=count, generator=g) for g in streams(seed, x.shape[0])])
    known = known.to(x)
    return torch.where(known > 0, x, value), known


def blocks(shape: tuple[int, int], *, size: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """A mask `(1, 1, H, W)` of ones with `count` square holes, placed uniformly wherever they fit whole.

    Raises `ValueError` for a size that does not fit in, and for a count below 0.
    """
    height, width = shape
    size = check_whole(size, name="size", least=1, most=min(height, width))
    count = check_whole(count, name="count", least=0)
    known = torch.ones(1, 1, height, width)
    tops = torch.randint(height - size + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(width - size + 1, (count,), generator=generator).tolist()
    for top, left in zip(tops, lefts, strict=True):
        known[..., top : top + size, left : left + size] = 0
    return known


def _check_batch(x: torch.Tensor) -> None:
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.ndim < 2 or x.numel() == 0:
        raise ValueError(f"x must be a float tensor whose first dimension is the batch, got {describe(x)}")
    check_precision(x, name="x")
    if _is_picture(x):
        check_units(x)


def _is_picture(x: torch.Tensor) -> bool:
    """Whether it can be images, and not codes or feature maps."""
    return x.ndim == 4 and x.shape[1] in (1, 3)
