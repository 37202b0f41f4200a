"""Checks of numbers and names: weights, counts, seeds, step sizes, choices."""

import math
import operator
from collections.abc import Callable, Sequence
from numbers import Real

import torch

from deeprestore_lab.core.checks.described import describe


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
