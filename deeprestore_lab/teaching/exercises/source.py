"""The source notebook of an exercise: its tasks, and what of a cell a student may see."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"  # what nbgrader writes after BEGIN and END
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")


class SourceError(ValueError):
    """A source notebook cannot be built; the message names the task or the cell."""


class GradingError(RuntimeError):
    """A notebook cannot be graded fairly, here or as it was handed in; the message says what is in the way."""


class TimeUp(GradingError):  # noqa: N818, the word of the table
    """A cell did not end within its time."""


class KernelGone(GradingError):  # noqa: N818, the word of the table
    """A cell ended its kernel, or went beyond a limit that ends it."""


@dataclass(frozen=True)
class SourceTask:
    """One task of a source: the places of its three cells, and its title and points."""

    name: str
    title: str
    points: float
    text_at: int
    solution_at: int
    check_at: int


@dataclass(frozen=True)
class Source:
    """A source notebook: its name, its cells as Jupyter stores them, and its tasks in order."""

    name: str
    cells: list[dict]
    tasks: tuple[SourceTask, ...]

    def digest(self, task: SourceTask) -> str:
        """A sum over the solution and the check of a task; a key carries it, so one of another source is seen."""
        texts = [text_of(self.cells[place]) for place in (task.solution_at, task.check_at)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def text_of(cell: dict) -> str:
    """The text of a cell, which Jupyter stores as one string or as lines."""
    return "".join(cell["source"])


def tags_of(cell: dict) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def read_source(path: Path) -> Source:
    """Read a source and find its tasks. Raises `SourceError` naming the task where one is not complete."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    if (notebook["nbformat"], notebook["nbformat_minor"]) < (4, 5) or any("id" not in c for c in notebook["cells"]):
        raise SourceError(f"{path.name}: its cells need ids; save it with a Jupyter that writes format 4.5")
    cells = notebook["cells"]
    tasks = tuple(_task(cells, place) for place, cell in enumerate(cells) if _grader(cell).get("solution"))
    names = [task.name for task in tasks]
    if not tasks or len(set(names)) < len(names):
        raise SourceError(f"{path.name}: a source has one task or more, each with its own name; found {names}")
    checks = {task.check_at for task in tasks}
    for place, cell in enumerate(cells):
        if _grader(cell).get("grade") and place not in checks:
            raise SourceError(f"{path.name}: cell {place + 1} is a check of no task ({_grader(cell).get('grade_id')})")
        if not _grader(cell) and re.search(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)", text_of(cell)):
            raise SourceError(f"{path.name}: cell {place + 1} has a solution or a hidden test but no nbgrader metadata")
    return Source(path.stem, cells, tasks)


def starter(text: str) -> str:
    """The text of a solution cell with nbgrader's stub in place of the solution.

    >>> print(starter("def f(x):\\n    ### BEGIN SOLUTION\\n    return x\\n    ### END SOLUTION"))
    def f(x):
        # YOUR CODE HERE
        raise NotImplementedError()
    """
    return _without(text, SOLUTION, STUB)


def visible(text: str) -> str:
    """The text of a check cell without its hidden part."""
    return _without(text, HIDDEN, ())


def hidden(text: str) -> str:
    """The author's part of a check cell: what `visible` leaves out."""
    inside = re.search(r"^### BEGIN HIDDEN TESTS\s*\n(.*)^### END HIDDEN TESTS", text, flags=re.DOTALL | re.MULTILINE)
    return inside[1] if inside else ""


def solution(text: str) -> str:
    """The text of a solution cell without the two lines that mark the solution."""
    return "\n".join(line for line in text.split("\n") if not re.fullmatch(r"\s*### (BEGIN|END) SOLUTION\s*", line))


def _without(text: str, what: str, instead: tuple[str, ...]) -> str:
    kept, inside, found = [], False, 0
    for line in text.split("\n"):
        mark = re.fullmatch(rf"(\s*)### (BEGIN|END) {what}\s*", line)
        if mark and (mark[2] == "BEGIN") == inside:
            raise SourceError(f"the line {line.strip()!r} stands where it cannot")
        if mark and not inside:
            kept += [mark[1] + stub for stub in instead]
        if mark:
            inside, found = not inside, found + 1
        elif not inside:
            kept.append(line)
    if inside or not found:
        raise SourceError(f"no pair of lines ### BEGIN {what} and ### END {what}")
    return "\n".join(kept)


def _grader(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


def _task(cells: list[dict], place: int) -> SourceTask:
    name = str(_grader(cells[place]).get("grade_id"))
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):
        raise SourceError(f"cell {place + 1}: the name of a task is that of a Python variable, got {name!r}")
    checks = [n for n, cell in enumerate(cells) if _grader(cell).get("grade_id") == f"check_{name}"]
    texts = [n for n in range(place) if "task" in tags_of(cells[n])]
    if len(checks) != 1 or checks[0] < place or not _grader(cells[checks[0]]).get("grade"):
        raise SourceError(f"{name}: its solution must be followed by one graded cell with the grade_id check_{name}")
    heading = re.match(r"## (?:\d+\. |Exercise \d+\.\d+: )?(.+)", text_of(cells[texts[-1]])) if texts else None
    if not heading or any(_grader(cell).get("solution") for cell in cells[texts[-1] : place]):
        raise SourceError(
            f"{name}: before its solution stands a text cell tagged `task` that begins with `## 1. Title`"
        )
    try:
        starter(text_of(cells[place]))
        shown = visible(text_of(cells[checks[0]]))
    except SourceError as error:
        raise SourceError(f"{name}: {error}") from None
    if f'check("{name}", {name})' not in shown:
        raise SourceError(f'{name}: its check must show the line check("{name}", {name})')
    points = _grader(cells[checks[0]]).get("points", 0)
    if not points > 0:
        raise SourceError(f"{name}: its check must be worth points, got {points!r}")
    return SourceTask(name, heading[1].strip(), points, texts[-1], place, checks[0])
