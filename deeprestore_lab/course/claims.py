"""Claims: sentences of the course that a cell checks each time it runs."""

import math
import sys
from numbers import Real

import torch

from deeprestore_lab.core.checks import describe


def say(text: str) -> None:
    r"""Print a line. Characters that standard output cannot encode become escapes such as `\u03c3`, never an error.

    Windows consoles and old locales know few of the letters and signs of the field.

    >>> say("sigma = 25/255")
    sigma = 25/255
    """
    try:
        print(text + "\n", end="")  # one write: a page may show two apart
    except UnicodeEncodeError:  # raised before anything is written
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, errors="backslashreplace").decode(encoding))


class Measured:
    """A measured value for the page. Tests of the notebooks leave it out: it differs from machine to machine."""

    def __init__(self, value: float, band: str) -> None:
        self.value, self.band = value, band

    def __repr__(self) -> str:
        return "measured"  # compared between runs, so without the value

    def _repr_html_(self) -> str:
        value = f"<data>measured: {self.value:.4g}</data>"
        return f'<div class="drl-measured">{value} ({self.band})</div>'


def claim(
    text: str,
    measured: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    between: tuple[float, float] | None = None,
) -> None:
    """Assert that `measured` lies in a band, print that the claim holds, and show the value beside it.

    Exactly one of `at_least`, `at_most`, `between` (both ends included) gives the band. The printed line
    does not change from machine to machine; the value is a second output. A value that is not a number
    (NaN) fails. Raises `AssertionError` naming the claim, the value and the band where it does not hold, and
    `ValueError` for a value or a band that is none.

    >>> claim("two and two are four", 2 + 2, between=(4, 4))  # doctest: +ELLIPSIS
    holds: two and two are four
    ...
    """
    if not isinstance(text, str) or not text.strip() or "\n" in text:
        raise ValueError(f"a claim is one sentence, got {text!r}")
    value = _number(measured, name="measured")
    low, high, band = _band(at_least, at_most, between)
    if not low <= value <= high:
        raise AssertionError(f"does not hold: {text} (measured {value:.6g}, claimed {band})")
    say(f"holds: {text}")
    _display(Measured(value, band))


def _band(at_least, at_most, between) -> tuple[float, float, str]:
    given = [
        name
        for name, band in zip(("at_least", "at_most", "between"), (at_least, at_most, between), strict=True)
        if band is not None
    ]
    if len(given) != 1:
        raise ValueError(
            f"a claim needs exactly one of at_least, at_most and between, got {', '.join(given) or 'none'}"
        )
    if at_least is not None:
        low = _finite(at_least, "at_least")
        return low, math.inf, f"at least {low:g}"
    if at_most is not None:
        high = _finite(at_most, "at_most")
        return -math.inf, high, f"at most {high:g}"
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise ValueError(f"between must be a pair (low, high), got {between!r}")
    low, high = (_finite(end, "an end of between") for end in between)
    if low > high:
        raise ValueError(f"between must have its lower end first, got {between!r}")
    return low, high, f"exactly {low:g}" if low == high else f"between {low:g} and {high:g}"


def _number(value: float, *, name: str) -> float:
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.dtype != torch.bool:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be one number, got {describe(value)}")
    return float(value)


def _finite(value: float, name: str) -> float:
    value = _number(value, name=name)
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return value


def _display(measured: Measured) -> None:
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        display(measured)
    else:
        say(f"  measured: {measured.value:.4g} ({measured.band})")
