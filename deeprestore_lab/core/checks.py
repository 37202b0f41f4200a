"""Argument checks shared by the whole library: each names what came and what was expected."""

import math
import operator
import re
from collections.abc import Callable, Sequence
from numbers import Real

import numpy as np
import torch


def class_words(thing: object) -> str:
    """The name of a thing's class as words, for reports: a `GaussianLikelihood` is a "gaussian likelihood"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(thing).__name__).lower()


def describe(value: object) -> str:
    """Short description of a value for an error message."""
    if isinstance(value, torch.Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array {value.dtype} of shape {value.shape} (torch.from_numpy makes a tensor of it)"
    return f"{value!r} ({type(value).__name__})"


EXACT = frozenset({torch.float32, torch.float64})  # what everything computes in; other kinds are looked at


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


LARGEST = 16.0  # no image in [0, 1] reaches this, nor one with noise of the largest level


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


def check_positive(value: float | torch.Tensor, *, name: str, single: bool = False) -> float | torch.Tensor:
    """Return `value` if it is a finite number above 0, or a 1-D tensor of such numbers (one per image).

    With `single` one number alone will do.
    """
    return _check_number(value, name, lowest_allowed=False, single=single)


def check_weight(value: float | torch.Tensor, *, name: str = "weight", single: bool = False) -> float | torch.Tensor:
    """Return `value` if it is a finite number of at least 0, or a 1-D tensor of such numbers (one per image).

    With `single` one number alone will do.
    """
    return _check_number(value, name, lowest_allowed=True, single=single)


def check_whole(value: int, *, name: str, least: int | None = None, most: int | None = None) -> int:
    """Return `value` as an int if it is a whole number within the limits, else raise `ValueError`.

    NumPy's whole numbers and tensors of one count as well; truth values and floats, 3.0 too, do not.
    """
    try:
        truth = isinstance(value, bool) or getattr(value, "dtype", None) == torch.bool
        whole = None if truth else operator.index(value)
    except TypeError:
        whole = None
    if whole is None or (least is not None and whole < least) or (most is not None and whole > most):
        wanted = "a whole number"
        if least is not None:
            wanted += f" of at least {least}" if most is None else f" from {least} to {most}"
        raise ValueError(f"{name} must be {wanted}, got {describe(value)}")
    return whole


def check_pair(value: int | Sequence[int], *, name: str, least: int = 1) -> tuple[int, int]:
    """Return two whole numbers of at least `least`, (rows, columns); one number stands for both. Else `ValueError`."""
    pair = value if isinstance(value, tuple | list) else (value, value)
    try:
        rows, columns = (check_whole(n, name=name, least=least) for n in pair)
    except ValueError:
        raise ValueError(
            f"{name} must be a whole number of at least {least} or a pair of them (rows, columns), "
            f"got {describe(value)}"
        ) from None
    return rows, columns


def check_seed(seed: int, *, name: str = "seed") -> int:
    """Return `seed` as an int if torch's generators take it, from 0 to 2^64 - 1, else raise `ValueError`."""
    whole = check_whole(seed, name=name, least=0)
    if whole >= 2**64:
        raise ValueError(f"{name} must be below 2^64, got {describe(seed)}")
    return whole


def check_lr(lr: float | Callable[[int], float]) -> float | Callable[[int], float]:
    """Return `lr` if it is a finite number above 0 or a function of the step, else raise `ValueError`."""
    if callable(lr):
        return lr
    if isinstance(lr, bool) or not isinstance(lr, Real) or not 0 < lr < math.inf:
        raise ValueError(f"lr must be a finite number above 0 or a function of the step, got {describe(lr)}")
    return float(lr)


def check_choice(value: str, choices: tuple[str, ...], *, name: str) -> str:
    """Return `value` if it is one of `choices`, else raise `ValueError` that lists them."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    return value


def _check_number(value, name: str, *, lowest_allowed: bool, single: bool):
    wanted = f"a finite number {'of at least' if lowest_allowed else 'above'} 0"
    wanted += ", one for all images" if single else ", or a 1-D tensor of them"
    if isinstance(value, torch.Tensor):
        if value.ndim == 0:
            return _check_number(value.item(), name, lowest_allowed=lowest_allowed, single=single)
        low = (value < 0) if lowest_allowed else (value <= 0)
        if single or value.ndim != 1 or not torch.isfinite(value).all() or low.any():
            raise ValueError(f"{name} must be {wanted}, got {describe(value)}")
        return value if value.is_floating_point() else value.to(torch.get_default_dtype())
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be {wanted}, got {describe(value)}")
    if value < 0 or (value == 0 and not lowest_allowed):
        raise ValueError(f"{name} must be {wanted}, got {describe(value)}")
    return float(value)


def per_image(value: float | torch.Tensor, like: torch.Tensor) -> float | torch.Tensor:
    """A float as it is; a tensor `(N,)` as `(N, 1, ..., 1)` on the device and in the precision of `like`.

    Raises `ValueError` where the batch of `like` has another length.
    """
    if not isinstance(value, torch.Tensor):
        return value
    if value.shape[0] not in (1, like.shape[0]):
        raise ValueError(f"one value per image: got {value.shape[0]} values for a batch of {like.shape[0]}")
    return value.to(like).reshape(-1, *[1] * (like.ndim - 1))
