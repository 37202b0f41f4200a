"""The key of one task, from its solution and its author's part; refused where the check would tell too little."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import torch

from deeprestore_lab.course.exercises.arrays import Parts, kind, to_json
from deeprestore_lab.course.exercises.authoring import Author
from deeprestore_lab.course.exercises.compare import CLEARLY, distance, is_right, scales
from deeprestore_lab.course.exercises.keys import Misconception, Task, pack
from deeprestore_lab.course.exercises.running import Stopped, parts_of, run
from deeprestore_lab.teaching.exercises.source import SourceError

FEWEST_WRONG = 3
LARGEST = 60_000  # characters of one task in the key


def make_task(answer: object, author: Author, *, digest: str) -> Task:
    """The key of a task. Expected outputs are those of the solution on the cases in double precision.

    Raises `SourceError` where the solution fails its own check in either precision or changes its arguments; where
    zeros or a constant would pass; where there are no hints, or fewer than three misconceptions; and where one of
    them is not ten tolerances away from the solution and from every other.
    """
    cases = _cases(answer, author)
    expected = _outputs(answer, cases, torch.float64, "the solution")
    wrong = []
    for name, hint, function in author.wrong:
        if not name.strip() or not hint.strip():
            raise SourceError(f"a misconception needs a name and a hint, got {name!r} and {hint!r}")
        wrong.append(Misconception(name, hint, _outputs(function, cases, torch.float64, f"the misconception {name!r}")))
    if len(wrong) < FEWEST_WRONG or len({m.name for m in wrong}) < len(wrong):
        raise SourceError(f"at least {FEWEST_WRONG} misconceptions with names of their own, got {len(wrong)}")
    if not author.hint_texts or not all(isinstance(text, str) and text.strip() for text in author.hint_texts):
        raise SourceError("at least one hint, and none empty: author.hints(...)")
    task = Task(callable(answer), cases, expected, author.relative, author.hint_texts, tuple(wrong), digest)
    _check_solution(answer, task)
    _check_distances(task)
    _check_guesses(task)
    if (size := len(pack([to_json(item) for item in (cases, expected, *(m.outputs for m in wrong))]))) > LARGEST:
        raise SourceError(f"its key has {size} characters, more than {LARGEST}: use smaller cases")
    return task


def _cases(answer: object, author: Author) -> tuple[tuple, ...]:
    if not callable(answer):
        if author.make_cases is not None:
            raise SourceError("its answer is a value, which has no cases")
        return ((),)
    cases = tuple(author.make_cases()) if author.make_cases is not None else ()
    if not cases or not all(isinstance(case, tuple) for case in cases):
        raise SourceError("author.cases takes a function that returns a list of tuples of arguments")
    try:
        to_json(cases)
    except TypeError as error:
        raise SourceError(f"a case is made of tensors, arrays, numbers and texts, got {error}") from None
    return cases


def _outputs(answer: object, cases: tuple[tuple, ...], dtype: torch.dtype, who: str) -> tuple[Parts, ...]:
    try:
        return tuple(run(answer, cases, dtype=dtype)) if callable(answer) else (parts_of(answer),)
    except Stopped as stop:
        raise SourceError(f"{who} in {str(dtype).removeprefix('torch.')}: {stop}") from None


def _check_solution(answer: object, task: Task) -> None:
    for dtype in (torch.float32, torch.float64):
        name = str(dtype).removeprefix("torch.")
        answers = _outputs(answer, task.cases, dtype, "the solution")
        if not is_right(answers, task.expected, tolerance=task.tolerance):
            away = distance(answers, task.expected, scale=scales(task.expected))
            raise SourceError(
                f"the solution in {name} fails its own check: {away:.1e} away, the tolerance is {task.tolerance:.0e}. "
                "Does it draw random numbers, or divide by very small ones?"
            )


def _check_distances(task: Task) -> None:
    scale, least = scales(task.expected), CLEARLY * task.tolerance
    for wrong in task.misconceptions:
        if (away := distance(wrong.outputs, task.expected, scale=scale)) < least:
            raise SourceError(
                f"the misconception {wrong.name!r} is {away:.1e} from the solution, less than {least:.0e}"
            )
    for one, other in combinations(task.misconceptions, 2):
        if (away := distance(one.outputs, other.outputs, scale=scale)) < least:
            raise SourceError(f"the misconceptions {one.name!r} and {other.name!r} are {away:.1e} apart")


def _check_guesses(task: Task) -> None:
    for name, guess in (("zero", _zero), ("the mean", _mean(task.expected))):
        if name == "the mean" and not task.is_function:
            continue  # a value is its own mean
        answers = [tuple(guess(number, part) for number, part in enumerate(parts)) for parts in task.expected]
        if is_right(answers, task.expected, tolerance=CLEARLY * task.tolerance):
            raise SourceError(f"an answer that is {name} everywhere would pass: use other cases")


def _zero(number: int, part: np.ndarray) -> np.ndarray:
    return np.zeros_like(part)


def _mean(expected: Sequence[Parts]) -> Callable[[int, np.ndarray], np.ndarray]:
    columns = [np.concatenate([np.ravel(part) for part in column]) for column in zip(*expected, strict=True)]

    def fill(number: int, part: np.ndarray) -> np.ndarray:
        mean = columns[number].mean()
        return np.full_like(part, round(mean) if kind(part) in ("whole numbers", "true or false") else mean)

    return fill
