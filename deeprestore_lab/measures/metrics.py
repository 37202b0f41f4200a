"""Measures of restoration: PSNR, SSIM with its three components, and the two error pictures."""

import numpy as np
import torch
from torch.nn.functional import conv2d

from deeprestore_lab.core.checks import check_images, check_not_bytes, check_positive

SSIM_SIGMA, SSIM_RADIUS = 1.5, 5  # a window of 11 x 11
_K1, _K2 = 0.01, 0.03


def psnr(x: torch.Tensor, reference: torch.Tensor, *, data_range: float = 1.0, border: int = 0) -> torch.Tensor:
    r"""Peak signal-to-noise ratio in dB, one number per image: 10 log10(data_range^2 / mean squared error).

    Shapes: `x` `(N, C, H, W)`, `reference` the same or of batch 1; value `(N,)`. The mean is over channels and
    pixels together. `border` pixels on each side are left out (super-resolution papers leave out the factor).
    Nothing is clipped or rounded. Infinity where the images are equal, NaN where a value is NaN. Raises
    `ValueError` for shapes that do not fit, and for values as of bytes where `data_range` is not 255.
    Taught in chapter 10_map.

    >>> psnr(torch.full((1, 1, 4, 4), 0.1), torch.zeros(1, 1, 4, 4)).round(decimals=3)
    tensor([20.])
    """
    x, reference = _pair(x, reference, border=border)
    _check_range(x, reference, data_range)
    return decibels(x, reference, data_range=data_range)


def decibels(x: torch.Tensor, reference: torch.Tensor, *, data_range: float = 1.0) -> torch.Tensor:
    """PSNR as `psnr` gives it, for a pair that was checked before: looking at values waits for a GPU.

    Raises `ValueError` for a data_range that is not above 0.
    """
    error = (x - reference).square().flatten(1).mean(1)
    return 10 * torch.log10(check_positive(data_range, name="data_range", single=True) ** 2 / error)


def ssim(x: torch.Tensor, reference: torch.Tensor, *, data_range: float = 1.0, border: int = 0) -> torch.Tensor:
    r"""Structural similarity, one number per image `(N,)`, 1 for equal images.

    The mean over channels and windows of luminance * contrast * structure (`ssim_components`), as Wang et al.
    (2004) define it: a Gaussian window of sigma 1.5 and 11 x 11 pixels, only where it fits whole, biased variances,
    K1 = 0.01, K2 = 0.03. Computed by scikit-image, in float64. Differs from the source in colour: the channels are
    averaged, where the source takes grey pictures. No gradient. Shapes, `border` and errors as in `psnr`; images of
    fewer than 11 x 11 pixels are refused. Taught in chapters 07_feature_losses and 10_map.
    """
    from skimage.metrics import structural_similarity  # SciPy's filters come with it: a second of many a start

    x, reference = _pair(x, reference, border=border, smallest=2 * SSIM_RADIUS + 1)
    _check_range(x, reference, data_range)
    reference = reference.expand_as(x).detach().cpu().double().numpy()
    options = {"gaussian_weights": True, "sigma": SSIM_SIGMA, "use_sample_covariance": False, "K1": _K1, "K2": _K2}
    options |= {"data_range": check_positive(data_range, name="data_range", single=True), "channel_axis": 0}
    pairs = zip(x.detach().cpu().double().numpy(), reference, strict=True)
    return x.new_tensor([structural_similarity(ours, theirs, **options) for ours, theirs in pairs])


def ssim_components(
    x: torch.Tensor, reference: torch.Tensor, *, data_range: float = 1.0, border: int = 0
) -> dict[str, torch.Tensor]:
    r"""The three maps whose product is the SSIM of each window: `{"luminance", "contrast", "structure"}`.

        luminance = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1)        C1 = (0.01 data_range)^2
        contrast  = (2 s_x s_y + C2) / (s_x^2 + s_y^2 + C2)        C2 = (0.03 data_range)^2
        structure = (s_xy + C2 / 2) / (s_x s_y + C2 / 2)

    with means m, standard deviations s and covariance s_xy in the windows of `ssim` (Wang et al. 2004, equations 6,
    9, 10). Each map is `(N, C, H - 10, W - 10)`; luminance and contrast lie in (0, 1], structure in [-1, 1]. The
    mean of their product is `ssim`; the product of their means is not. No gradient. Errors as in `ssim`.
    """
    x, reference = _pair(x, reference, border=border, smallest=2 * SSIM_RADIUS + 1)
    _check_range(x, reference, data_range)
    a, b = (each.detach().cpu().double() for each in (x, reference.expand_as(x)))  # not every device has float64
    c1, c2 = ((k * check_positive(data_range, name="data_range", single=True)) ** 2 for k in (_K1, _K2))
    mean_a, mean_b = _window_means(a), _window_means(b)
    var_a = (_window_means(a * a) - mean_a.square()).clamp_min(0)
    var_b = (_window_means(b * b) - mean_b.square()).clamp_min(0)
    deviations = (var_a * var_b).sqrt()
    covariance = _window_means(a * b) - mean_a * mean_b
    maps = {
        "luminance": (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1),
        "contrast": (2 * deviations + c2) / (var_a + var_b + c2),
        "structure": (covariance + c2 / 2) / (deviations + c2 / 2),
    }
    return {name: each.to(x) for name, each in maps.items()}


def signed_error(
    x: torch.Tensor, reference: torch.Tensor, *, scale: float | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""The error per channel around grey, 1/2 + (x - reference) / (2 scale), and its scale `(N,)`.

    The picture `(N, C, H, W)` is in [0, 1]: grey is no error, a colour brighter than grey is too bright by up to
    `scale`, which is the image's largest absolute error, or the number given (to compare several pictures; larger
    errors are then cut). Show the scale beside it. Raises `ValueError` for values that are not finite.
    """
    x, reference = _pair(x, reference)
    scaled, scale = _scaled(x - reference, scale)
    return 0.5 + scaled.clamp(-1, 1) / 2, scale


def _scaled(error: torch.Tensor, scale: float | None) -> tuple[torch.Tensor, torch.Tensor]:
    if not torch.isfinite(error).all():
        raise ValueError("x and reference must be finite: an error picture of other values has no scale")
    if scale is None:
        scales = error.abs().flatten(1).amax(1)
    else:
        scales = error.new_full((error.shape[0],), check_positive(scale, name="scale", single=True))
    divisors = torch.where(scales > 0, scales, 1).reshape(-1, 1, 1, 1)  # no error at all stays none
    return error / divisors, scales


def _window_means(x: torch.Tensor) -> torch.Tensor:
    """Means under the Gaussian window, where it fits whole: `(N, C, H, W)` to `(N, C, H - 10, W - 10)`."""
    places = torch.arange(-SSIM_RADIUS, SSIM_RADIUS + 1, dtype=x.dtype, device=x.device)
    window = torch.exp(-(places**2) / (2 * SSIM_SIGMA**2))
    window = window / window.sum()
    n, c, h, w = x.shape
    rows = conv2d(x.reshape(n * c, 1, h, w), window.reshape(1, 1, -1, 1))
    means = conv2d(rows, window.reshape(1, 1, 1, -1))
    return means.reshape(n, c, *means.shape[2:])


def _check_range(x: torch.Tensor, reference: torch.Tensor, data_range: float) -> None:
    """Raise `ValueError` for pictures in 0..255 with another `data_range`, and for those in [0, 1] with that of 255."""
    data_range = check_positive(data_range, name="data_range", single=True)
    check_not_bytes(x, name="x", data_range=data_range)
    check_not_bytes(reference, name="reference", data_range=data_range)
    if data_range == 255 and 0 < float(reference.abs().amax()) <= 1 and bool((reference != reference.round()).any()):
        raise ValueError("data_range is 255, but the reference has values in [0, 1]: leave data_range out")


def _pair(
    x: torch.Tensor, reference: torch.Tensor, *, border: int = 0, smallest: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both batches in one precision (at least float32) and without their border, checked to fit each other."""
    check_images(x)
    check_images(reference, name="reference")
    if reference.shape[1:] != x.shape[1:] or reference.shape[0] not in (1, x.shape[0]):
        raise ValueError(
            f"x and reference must have the same shape (or a reference of batch 1): got {tuple(x.shape)} and "
            f"{tuple(reference.shape)}"
        )
    left = min(x.shape[2:]) - smallest
    if left < 0:  # whatever the border
        raise ValueError(
            f"x must have {smallest} x {smallest} pixels or more, the window of the measure; got images of "
            f"{x.shape[2]} x {x.shape[3]}"
        )
    if isinstance(border, bool) or not isinstance(border, (int, np.integer)) or border < 0 or 2 * border > left:
        raise ValueError(
            f"border must be a whole number from 0 that leaves {smallest} x {smallest} pixels or more, "
            f"got {border!r} for images of {x.shape[2]} x {x.shape[3]}"
        )
    window = (..., slice(border, x.shape[2] - border), slice(border, x.shape[3] - border))
    dtype = torch.promote_types(torch.promote_types(x.dtype, reference.dtype), torch.float32)
    return x[window].to(dtype), reference[window].to(x.device, dtype)
