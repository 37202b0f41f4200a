"""Denoisers without a network, each with one setting that is tuned on other photographs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import pad, unfold

from deeprestore_lab.core.checks import check_choice, check_units, check_whole, describe
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators.frames import threshold_denoise
from deeprestore_lab.priors.tv_denoise import tv_denoise
from deeprestore_lab.signal.convolution import convolve, gaussian_kernel


def gaussian_filter(y: torch.Tensor, width: float) -> torch.Tensor:
    """`y` `(N, C, H, W)` averaged under a Gaussian of standard deviation `width` in pixels, borders reflected.

    Raises `ValueError` for what is no image batch in [0, 1].
    """
    return convolve(check_units(y, name="y"), gaussian_kernel(width), border="reflect")


def median_filter(y: torch.Tensor, size: int) -> torch.Tensor:
    """The median of the `size` x `size` values around each pixel, channel by channel, borders reflected.

    Raises `ValueError` for an even size or one that is too large to reflect.

    >>> y = torch.zeros(1, 1, 5, 5)
    >>> y[..., 2, 2] = 1.0
    >>> float(median_filter(y, 3).max())
    0.0
    """
    n, c, h, w = check_units(y, name="y").shape
    if check_whole(size, name="size", least=1) % 2 == 0 or size // 2 >= min(h, w):
        raise ValueError(f"size must be odd and less than twice the sides of y, got {describe(size)}")
    extended = pad(y.reshape(n * c, 1, h, w), [size // 2] * 4, mode="reflect")
    return unfold(extended, size).median(1).values.reshape(n, c, h, w)


def total_variation(y: torch.Tensor, weight: float) -> torch.Tensor:
    """argmin over x of 1/2 ||x - y||^2 + weight TV(x), to a duality gap of a thousandth.

    Raises `ValueError` for what is no image batch in [0, 1].
    """
    return tv_denoise(check_units(y, name="y"), weight, gap=1e-3)[0]


def thresholded_frame(y: torch.Tensor, threshold: float) -> torch.Tensor:
    """A hard threshold on the responses to the undecimated 8 x 8 DCT, and least squares back (`frames`).

    Raises `ValueError` for what is no image batch in [0, 1].
    """
    return threshold_denoise(check_units(y, name="y"), sigma=1.0, threshold=threshold)


@dataclass(frozen=True)
class Method:
    """A denoiser `apply(y, setting)`, what its setting is, and the values that are tried."""

    setting: str
    values: tuple[float, ...]
    apply: Callable[[torch.Tensor, float], torch.Tensor]


def _steps(first: float, last: float, count: int) -> tuple[float, ...]:
    """Numbers in equal ratios."""
    return tuple(first * (last / first) ** (place / (count - 1)) for place in range(count))


METHODS = {
    "gaussian filter": Method("standard deviation in pixels", _steps(0.3, 2.4, 13), gaussian_filter),
    "median": Method("side in pixels", (1, 3, 5, 7, 9, 11, 13), median_filter),
    "total variation": Method("weight", _steps(0.01, 2.56, 25), total_variation),
    "thresholded frame": Method("threshold", _steps(0.08, 2.56, 21), thresholded_frame),
}


@dataclass(frozen=True)
class Tuned:
    """The best of the values tried, the mean PSNR it reached, and that of each value."""

    value: float
    psnr: float
    tried: dict[float, float]


def tune(name: str, y: torch.Tensor, x: torch.Tensor) -> Tuned:
    """The value of a method's setting with the highest mean PSNR over photographs `x` damaged to `y`, `(N, C, H, W)`.

    `name` is one of `METHODS`. Use the value on other photographs. Raises `ValueError` for another name. Taught in
    chapter 04_denoising_autoencoders.
    """
    method = METHODS[check_choice(name, tuple(METHODS), name="name")]
    tried = {value: float(psnr(method.apply(y, value), x).mean()) for value in method.values}
    best = max(tried, key=tried.get)
    return Tuned(best, tried[best], tried)
