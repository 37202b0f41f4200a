"""How far one list of answers is from another, in units of the size of what was expected."""

import math
from collections.abc import Sequence

import numpy as np

from deeprestore_lab.course.exercises.arrays import Parts, kind

TOLERANCE = 1e-4  # of the largest expected value: sums of a few thousand float32 numbers in any order stay below it
CLEARLY = 10  # a wrong answer is at least this many tolerances from the right one


def scales(expected: Sequence[Parts]) -> list[list[float]]:
    """The largest finite |value| of each part of each case; of that part in all cases where a case has only zeros.

    >>> scales([(np.array([2.0, -4.0]),), (np.zeros(2),)])
    [[4.0], [4.0]]
    """
    sizes = [[_largest(part) for part in parts] for parts in expected]
    overall = [max(column) for column in zip(*sizes, strict=True)]
    return [[size or overall[place] for place, size in enumerate(case)] for case in sizes]


def _largest(part: np.ndarray) -> float:
    finite = np.abs(part[np.isfinite(part)]) if part.size else part
    return float(finite.max()) if finite.size else 0.0


def distance(answers: Sequence[Parts], others: Sequence[Parts], *, scale: list[list[float]]) -> float:
    """The largest difference over all cases, relative to `scale`; infinite where shapes or counts differ.

    Whole numbers and truth values are either equal (0) or not (infinite). Not-a-number equals itself.

    >>> x, y = [(np.array([4.0]),)], [(np.array([5.0]),)]
    >>> distance(x, y, scale=scales(x))
    0.25
    """
    if len(answers) != len(others):
        return math.inf
    worst = 0.0
    for parts, wanted, sizes in zip(answers, others, scale, strict=True):
        if len(parts) != len(wanted):
            return math.inf
        for number, (a, b) in enumerate(zip(parts, wanted, strict=True)):
            worst = max(worst, _difference(a, b, sizes[number] if number < len(sizes) else _largest(b)))
    return worst


def _difference(a: np.ndarray, b: np.ndarray, size: float) -> float:
    if a.shape != b.shape:
        return math.inf
    if np.array_equal(a, b, equal_nan="true or false" not in (kind(a), kind(b))):
        return 0.0
    if kind(b) in ("whole numbers", "true or false") or size == 0:
        return math.inf
    odd = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[odd], b[odd], equal_nan=True):
        return math.inf
    return float(np.abs(a[~odd] - b[~odd]).max()) / size


def is_right(answers: Sequence[Parts], expected: Sequence[Parts], *, tolerance: float) -> bool:
    """Whether all cases are within the tolerance, and numbers are of the kind that was expected."""
    kinds = all(
        fits_kind(a, b)
        for parts, wanted in zip(answers, expected, strict=True)
        for a, b in zip(parts, wanted, strict=False)
    )
    return kinds and distance(answers, expected, scale=scales(expected)) <= tolerance


def fits_kind(answer: np.ndarray, expected: np.ndarray) -> bool:
    """Whether numbers are of the kind expected; a single whole number may stand for a float, and the other way."""
    if kind(answer) == kind(expected):
        return True
    return answer.ndim == 0 and {kind(answer), kind(expected)} == {"floating point", "whole numbers"}
