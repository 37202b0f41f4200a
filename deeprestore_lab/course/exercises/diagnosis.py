"""What is wrong with an answer, in words that never give the right one."""

from collections.abc import Sequence

import numpy as np

from deeprestore_lab.course.exercises.arrays import Parts, kind
from deeprestore_lab.course.exercises.compare import distance, fits_kind, scales
from deeprestore_lab.course.exercises.keys import Misconception, Task


def recognised(answers: Sequence[Parts], task: Task) -> Misconception | None:
    """The misconception that gives these answers, or None."""
    scale = scales(task.expected)
    for misconception in task.misconceptions:
        if distance(answers, misconception.outputs, scale=scale) <= task.tolerance:
            return misconception
    return None


def wrong_form(answers: Sequence[Parts], task: Task) -> str | None:
    """What is wrong with answers whatever their values: not finite, shape, kind, the same for all; or None."""
    for case, parts, expected in zip(task.cases, answers, task.expected, strict=True):
        if len(parts) != len(expected):
            return f"{_count(len(expected))} should come back, {_count(len(parts))} came."
        for got, wanted in zip(parts, expected, strict=True):
            if problem := _wrong_part(got, wanted, _for(case)):
                return problem
    if len(answers) > 1 and _all_same(answers) and not _all_same(task.expected):
        return "it gives the same answer for every case. Does it use all of its arguments?"
    return None


def _wrong_part(got: np.ndarray, wanted: np.ndarray, where: str) -> str | None:
    if np.isfinite(wanted).all() and not np.isfinite(got).all():
        name = "not-a-number" if np.isnan(got).any() else "infinity"
        return f"the answer{where} holds {name}. Is there a division by 0, a logarithm of 0, or a step too large?"
    if got.shape != wanted.shape:
        return f"the shape{where} should be {wanted.shape}, it is {got.shape}."
    if not fits_kind(got, wanted):
        return f"the numbers{where} should be {kind(wanted)}, they are {kind(got)}."
    return None


def _for(case: tuple) -> str:
    shapes = [tuple(argument.shape) for argument in case if hasattr(argument, "shape")]
    return f" for an argument of shape {shapes[0]}" if shapes else ""


def _count(number: int) -> str:
    return "one result" if number == 1 else f"a tuple of {number} results"


def _all_same(answers: Sequence[Parts]) -> bool:
    first = answers[0]
    return all(
        len(parts) == len(first) and all(np.array_equal(a, b) for a, b in zip(parts, first, strict=True))
        for parts in answers[1:]
    )
