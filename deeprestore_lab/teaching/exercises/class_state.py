"""What is known of a class between runs of its grading: what became of each notebook, and that one run is at it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.exercises.source import GradingError


@dataclass
class Graded:
    """What became of a notebook: "graded", "time-out", "kernel died" or "not graded"; why; what it depends on."""

    state: str
    why: str
    digest: str
    timeout: float


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else grades in this course meanwhile. Raises `GradingError` where somebody does."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with (folder / ".grading").open("w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GradingError(f"another `exercises grade` runs in {folder}: wait for its end") from None
        yield


def digest(data: bytes) -> str:
    """A sum by which a file that came is known again."""
    return hashlib.sha256(data).hexdigest()[:24]


def read_state(path: Path) -> dict[str, dict]:
    """What earlier runs left: by student the sum of what came, and `Graded`. Empty where there is none."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {each: {"came": old["came"], "graded": Graded(**old["graded"])} for each, old in known.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_state(path: Path, state: Mapping[str, Mapping]) -> None:
    """Keep what is known of each student, whole, after each of them."""
    stored = {each: {"came": known["came"], "graded": asdict(known["graded"])} for each, known in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(stored, indent=1).encode())
