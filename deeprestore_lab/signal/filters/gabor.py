"""Gabor filters: waves under a Gaussian."""

import math
from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_positive, check_whole
from deeprestore_lab.signal.filters.banks import unit_norm
from deeprestore_lab.signal.filters.derivatives import check_radius, rotated_grid


def gabor_filters(
    orientations: int = 4,
    *,
    wavelengths: Sequence[float] = (3.0, 6.0),
    width: float = 0.5,
    size: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    r"""For each wavelength and orientation an even and an odd wave under a Gaussian, each of norm 1.

        (cos(2 pi u / l) - m) exp(-r^2 / (2 s^2))  and  sin(2 pi u / l) exp(-r^2 / (2 s^2)),  s = width l

    u runs along the angle k 180 / orientations, m makes the even one sum to 0. Wavelengths are in pixels. Shape
    `(2 len(wavelengths) orientations, size, size)`, even and odd in turn; by default the kernels end at three
    standard deviations of the longest wave. Raises `ValueError` for arguments out of range. Source: Daugman (1985);
    differs in that a mean is taken off. Taught in chapter 03_reconstruction.

    >>> gabor_filters(3, wavelengths=(4.0,)).shape
    torch.Size([6, 13, 13])
    """
    orientations = check_whole(orientations, name="orientations", least=1)
    width = check_positive(width, name="width", single=True)
    if isinstance(wavelengths, str) or not isinstance(wavelengths, Sequence) or not wavelengths:
        raise ValueError(f"wavelengths must be a list of numbers of pixels, got {wavelengths!r}")
    lengths = [check_positive(length, name="each wavelength", single=True) for length in wavelengths]
    radius = check_radius(size, 3 * width * max(lengths))
    bank = []
    for length in lengths:
        for k in range(orientations):
            u, v = rotated_grid(radius, math.pi * k / orientations)
            window = torch.exp(-(u.square() + v.square()) / (2 * (width * length) ** 2))
            even, odd = torch.cos(2 * math.pi * u / length), torch.sin(2 * math.pi * u / length)
            even = even - (even * window).sum() / window.sum()
            bank += [even * window, odd * window]
    return unit_norm(torch.stack(bank)).to(dtype)
