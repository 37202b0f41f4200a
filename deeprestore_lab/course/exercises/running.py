"""Run an answer on the cases of a task, and say in words what stopped it."""

import linecache
import traceback
from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.course.exercises.arrays import Parts, as_parts, fresh, same, words

NOT_WRITTEN = 'not written yet. Put your answer in place of "raise NotImplementedError()" and run that cell again.'


class Stopped(Exception):  # noqa: N818, no error of ours
    """An answer gave nothing to compare; the message says why."""


def run(answer: Callable, cases: Sequence[tuple], *, dtype: torch.dtype | None = None) -> list[Parts]:
    """What a function returns for each case, called with fresh copies of the arguments (in `dtype`, if given).

    Raises `Stopped` where it is not written, raises, changes its arguments, or returns what is no array.
    """
    return [_run_case(answer, tuple(fresh(argument, dtype=dtype) for argument in case)) for case in cases]


def _run_case(answer: Callable, case: tuple) -> Parts:
    given = fresh(case)
    try:
        result = answer(*given)
    except Exception as error:
        if isinstance(error, NotImplementedError) and not str(error):
            raise Stopped(NOT_WRITTEN) from None
        raise Stopped(_raised(error, case)) from None
    if result is None:
        raise Stopped("it returned None. Does its last line say `return`?")
    parts = parts_of(result)
    if not same(given, case):
        raise Stopped("it changed its arguments in place. Work on a copy: whoever calls it still needs them.")
    return parts


def parts_of(result: object) -> Parts:
    """An answer as arrays. Raises `Stopped` where it is none."""
    try:
        parts = as_parts(result)
    except TypeError as error:
        raise Stopped(f"{error} came back, not a tensor, an array or a number.") from None
    if not parts:
        raise Stopped("an empty tuple came back, not a tensor, an array or a number.")
    return parts


def _raised(error: Exception, case: tuple) -> str:
    text = " ".join(str(error).split())
    said = f"it raised {type(error).__name__}" + (f": {text}" if text else "")
    said += f" (arguments: {words(case)})"
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is ours
    if not frames:
        return f"{said}."
    line = linecache.getline(frames[0].filename, frames[0].lineno).strip()
    return f"{said}, in line {frames[0].lineno} of its cell" + (f": `{line}`" if line else "")
