"""Checks of images: shape, precision, and the units of [0, 1]."""

import math

import torch

from deeprestore_lab.core.checks.described import describe
from deeprestore_lab.core.checks.numbers import check_positive, check_weight

EXACT = frozenset({torch.float32, torch.float64})  # what everything computes in; other kinds are looked at
LARGEST = 16.0  # no image in [0, 1] reaches this, nor one with noise of the largest level


def check_precision(x: torch.Tensor, *, name: str) -> torch.Tensor:
    """Return `x` unless it is float16, bfloat16 or coarser, else raise `ValueError`.

    Their steps near 1 are 1/1024 and 1/128: searches stall, sums over pixels lose most of what is added. Where torch's
    autocast chose the numbers they pass: it computes sums in float32.
    """
    if x.is_floating_point() and x.element_size() < 4 and not torch.is_autocast_enabled(x.device.type):
        kind = str(x.dtype).removeprefix("torch.")
        raise ValueError(f"{name} is {kind}, which is too coarse to compute with here; give {name}.float()")
    return x


def check_images(x: torch.Tensor, *, name: str = "x", channels: int | None = None) -> torch.Tensor:
    """Return `x` if it is an image batch `(N, C, H, W)` of float32 or float64, else raise `ValueError`."""
    if not isinstance(x, torch.Tensor) or x.ndim != 4 or not x.is_floating_point():
        raise ValueError(f"{name} must be a float tensor of shape (N, C, H, W), got {describe(x)}")
    check_precision(x, name=name)
    if x.numel() == 0:
        raise ValueError(f"{name} must not be empty, got {describe(x)}")
    if channels is not None and x.shape[1] != channels:
        raise ValueError(f"{name} must have {channels} channels, got {describe(x)}")
    return x


def check_units(x: torch.Tensor, *, name: str = "x", channels: int | None = None) -> torch.Tensor:
    """Return `x` if it is an image batch whose values can be in the units of [0, 1], else raise `ValueError`.

    Values may leave [0, 1], as those of noisy images do; what goes up to 255 is refused.
    """
    check_images(x, name=name, channels=channels)
    if x.device.type == "meta":  # has a shape and no numbers
        return x
    largest = float(x.detach().abs().amax())
    if LARGEST < largest < math.inf:
        raise ValueError(
            f"{name} has values up to {largest:.4g}, as if white were 255; images are in [0, 1] here: divide by 255"
        )
    return x


def check_not_bytes(x: torch.Tensor, *, name: str, data_range: float = 1.0) -> torch.Tensor:
    """Return `x` unless it looks like a picture in 0..255 where white is `data_range`, else raise `ValueError`.

    For what is measured or shown, which may be far outside [0, 1], such as the noise that an inverse filter amplifies:
    that has values on both sides of zero. Noisy bytes have few of them below it.
    """
    if x.device.type == "meta" or x.numel() == 0:
        return x
    low, high = (float(value) for value in x.detach().aminmax())
    if LARGEST * data_range < high <= 512 and low > -high / 2:
        raise ValueError(
            f"{name} has values from {low:.4g} to {high:.4g}, as if white were 255, but white is {data_range:g} here: "
            "divide by 255"
        )
    return x


def check_input(
    x: torch.Tensor, network: torch.nn.Module, *, name: str = "x", channels: int | None = None
) -> torch.Tensor:
    """What a network is given, by `check_units`; by `check_images` while it trains or x is searched for.

    Looking at values waits for a GPU, which would cost time at every step of these.
    """
    searched = network.training or (isinstance(x, torch.Tensor) and x.requires_grad)
    check = check_images if searched else check_units
    return check(x, name=name, channels=channels)


def check_level(
    sigma: float | torch.Tensor, *, name: str = "sigma", single: bool = False, zero: bool = False
) -> float | torch.Tensor:
    """Return a noise level in the units of images in [0, 1], so above 0 and at most 1; with `zero` 0 will do too.

    Else raise `ValueError`, as for 25 in place of 25 / 255.
    """
    level = (check_weight if zero else check_positive)(sigma, name=name, single=single)
    largest = float(torch.as_tensor(level).max())
    if largest > 1:
        raise ValueError(
            f"{name} is in the units of images in [0, 1], so at most 1, got {largest:.4g}; "
            f"{largest:.4g} of 255 grey levels are {largest:.4g} / 255 = {largest / 255:.3g}"
        )
    return level


def rounding(x: torch.Tensor) -> torch.Tensor:
    """How far a value may lie from zero by rounding alone, per image `(N, 1, ...)`: 32 units in the last place of 1,
    times the image's largest value. A convolution by FFT leaves about one.
    """
    largest = x.detach().flatten(1).abs().amax(1).reshape(-1, *[1] * (x.ndim - 1))
    return 32 * torch.finfo(x.dtype).eps * largest


def check_not_negative(x: torch.Tensor, *, name: str) -> torch.Tensor:
    """Return `x` `(N, ...)` if it is finite and at least 0, what rounding left below set to 0; else raise `ValueError`.

    For what is a count or stands under a root: a picture of zeros blurred by FFT has values of -1e-8.
    """
    if not torch.isfinite(x).all() or (x < -rounding(x)).any():
        raise ValueError(f"{name} must be finite and at least 0 everywhere: its smallest value is {x.min():.3g}")
    return x.clamp_min(0)


def per_image(value: float | torch.Tensor, like: torch.Tensor) -> float | torch.Tensor:
    """A float as it is; a tensor `(N,)` as `(N, 1, ..., 1)` on the device and in the precision of `like`.

    Raises `ValueError` where the batch of `like` has another length.
    """
    if not isinstance(value, torch.Tensor):
        return value
    if value.shape[0] not in (1, like.shape[0]):
        raise ValueError(f"one value per image: got {value.shape[0]} values for a batch of {like.shape[0]}")
    return value.to(like).reshape(-1, *[1] * (like.ndim - 1))
