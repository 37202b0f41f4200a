"""Measures of restoration: PSNR, SSIM with its three components, the error pictures."""

from __future__ import annotations

import torch

from deeprestore_lab.checks import check_images, check_positive


def psnr(x: torch.Tensor, reference: torch.Tensor, *, data_range: float = 1.0, border: int = 0) -> torch.Tensor:
    r"""Peak signal-to-noise ratio in dB, one number per image: 10 log10(data_range^2 / mean squared error).

    Shapes: `x` `(N, C, H, W)`, `reference` the same or of batch 1; value `(N,)`. The mean is over channels and
    pixels together. `border` pixels on each side are left out (super-resolution papers leave out the factor).
    Nothing is clipped or rounded. Infinity where the images are equal, NaN where a value is NaN. Raises
    `ValueError` for shapes that do not fit. Taught in chapter 10_map.

    >>> psnr(torch.full((1, 1, 4, 4), 0.1), torch.zeros(1, 1, 4, 4)).round(decimals=3)
    tensor([20.])
    """
    x, reference = check_pair(x, reference, border=border)
    error = (x - reference).square().flatten(1).mean(1)
    return 10 * torch.log10(check_positive(data_range, name="data_range") ** 2 / error)


def check_pair(x: torch.Tensor, reference: torch.Tensor, *, border: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Both batches in one precision and without their border. Raises `ValueError` where their shapes do not fit."""
    check_images(x)
    check_images(reference, name="reference")
    if reference.shape[1:] != x.shape[1:] or reference.shape[0] not in (1, x.shape[0]):
        raise ValueError(
            f"x and reference must have the same shape (or a reference of batch 1): got {tuple(x.shape)} and "
            f"{tuple(reference.shape)}"
        )
    if isinstance(border, bool) or not isinstance(border, int) or not 0 <= 2 * border < min(x.shape[2:]):
        raise ValueError(f"border must be a whole number from 0 to less than half the image, got {border!r}")
    window = (..., slice(border, x.shape[2] - border), slice(border, x.shape[3] - border))
    dtype = torch.promote_types(torch.promote_types(x.dtype, reference.dtype), torch.float32)
    return x[window].to(dtype), reference[window].to(x.device, dtype)
