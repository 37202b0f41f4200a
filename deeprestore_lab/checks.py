"""Argument checks shared by the whole library: each names what came and what was expected."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
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


def check_images(x: torch.Tensor, *, name: str = "x", channels: int | None = None) -> torch.Tensor:
    """Return `x` if it is a floating-point image batch `(N, C, H, W)`, else raise `ValueError`."""
    if not isinstance(x, torch.Tensor) or x.ndim != 4 or not x.is_floating_point():
        raise ValueError(f"{name} must be a float tensor of shape (N, C, H, W), got {describe(x)}")
    if x.numel() == 0:
        raise ValueError(f"{name} must not be empty, got {describe(x)}")
    if channels is not None and x.shape[1] != channels:
        raise ValueError(f"{name} must have {channels} channels, got {describe(x)}")
    return x


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


def check_whole(value: int, *, name: str, least: int | None = None) -> int:
    """Return `value` as an int if it is a whole number (NumPy's too) of at least `least`, else raise `ValueError`."""
    try:
        whole = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = None
    if whole is None or (least is not None and whole < least):
        wanted = "a whole number" if least is None else f"a whole number of at least {least}"
        raise ValueError(f"{name} must be {wanted}, got {describe(value)}")
    return whole


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
