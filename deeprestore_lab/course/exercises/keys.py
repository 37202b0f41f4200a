"""The key of an exercise: what answers are compared with. It holds numbers and hints, never code of a solution.

A key is a JSON file. What it knows about a task is compressed, so that opening the file gives no answer away.
"""

import base64
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from deeprestore_lab.course.exercises.arrays import Parts, as_parts, from_json, to_json

SHIPPED = Path(__file__).parents[2] / "core" / "shipped" / "exercises"
FORMAT = 1


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that people give: its name, a hint, and what it returns for each case."""

    name: str
    hint: str
    outputs: tuple[Parts, ...]


@dataclass(frozen=True)
class Task:
    """What is known of one task: its cases, the outputs expected, how close is right, hints, and wrong answers.

    A task whose answer is a value has one case without arguments. `digest` is that of the source's two cells.
    """

    is_function: bool
    cases: tuple[tuple, ...]
    expected: tuple[Parts, ...]
    tolerance: float
    hints: tuple[str, ...]
    misconceptions: tuple[Misconception, ...]
    digest: str


@dataclass(frozen=True)
class Key:
    """The key of one source notebook, and the version of the library it was made with."""

    name: str
    library: str
    tasks: dict[str, Task]

    def task(self, name: str) -> Task:
        """A task by its name. Raises `ValueError` that lists the names there are."""
        if name not in self.tasks:
            known = ", ".join(map(repr, self.tasks))
            raise ValueError(f"the exercise {self.name!r} has no task {name!r}; its tasks: {known}")
        return self.tasks[name]


def find_key(name: str, *, folder: Path | None = None) -> Path:
    """Where the key of an exercise lies: `NAME.key.json` in `folder` (here, if none), else the shipped one.

    Raises `ValueError` for a name that is none, and `FileNotFoundError` where there is no key.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise ValueError(f"the name of an exercise is letters, digits and underscores, got {name!r}")
    own, shipped = (folder or Path.cwd()) / f"{name}.key.json", SHIPPED / f"{name}.json"
    for path in (own, shipped):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.json"))) or "none"
    raise FileNotFoundError(f"no key for the exercise {name!r}: neither {own.name} here nor a shipped one ({known})")


def read_key(path: Path) -> Key:
    """Read a key. Raises `ValueError` naming the file where it is none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise ValueError(f"its format is {stored['format']}, this library reads {FORMAT}")
        tasks = {name: _task(unpack(text)) for name, text in stored["tasks"].items()}
        return Key(stored["name"], stored["library"], tasks)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise ValueError(f"{path.name} is no key of an exercise: {error}") from error


def key_text(key: Key) -> str:
    """The text of a key's file."""
    tasks = {name: pack(_stored(task)) for name, task in key.tasks.items()}
    stored = {"format": FORMAT, "name": key.name, "library": key.library, "tasks": tasks}
    return json.dumps(stored, indent=1) + "\n"


def pack(content: object) -> str:
    """Anything JSON holds as compressed text.

    >>> unpack(pack({"hint": "sum over the right axes"}))
    {'hint': 'sum over the right axes'}
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack(text: str) -> object:
    """What `pack` was given."""
    return json.loads(zlib.decompress(base64.b64decode(text, validate=True)))


def _stored(task: Task) -> dict:
    return {
        "is_function": task.is_function,
        "cases": [to_json(case) for case in task.cases],
        "expected": [to_json(parts) for parts in task.expected],
        "tolerance": task.tolerance,
        "hints": list(task.hints),
        "misconceptions": [[m.name, m.hint, [to_json(parts) for parts in m.outputs]] for m in task.misconceptions],
        "digest": task.digest,
    }


def _task(stored: dict) -> Task:
    def outputs(items: list) -> tuple[Parts, ...]:
        return tuple(as_parts(from_json(item)) for item in items)

    return Task(
        is_function=stored["is_function"],
        cases=tuple(from_json(case) for case in stored["cases"]),
        expected=outputs(stored["expected"]),
        tolerance=stored["tolerance"],
        hints=tuple(stored["hints"]),
        misconceptions=tuple(Misconception(name, hint, outputs(out)) for name, hint, out in stored["misconceptions"]),
        digest=stored["digest"],
    )
