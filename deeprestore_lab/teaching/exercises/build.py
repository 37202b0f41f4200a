"""Build an exercise: from one source notebook its student notebook, its key and its page, each time the same."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from deeprestore_lab.course.exercises.arrays import Parts, as_parts, same
from deeprestore_lab.course.exercises.compare import distance, scales
from deeprestore_lab.course.exercises.keys import SHIPPED, Key, Task, find_key, key_text, read_key
from deeprestore_lab.teaching.exercises.page import page_text
from deeprestore_lab.teaching.exercises.rehearsal import make_key
from deeprestore_lab.teaching.exercises.source import SourceError, read_source
from deeprestore_lab.teaching.exercises.student import is_worked_in, student_text


@dataclass(frozen=True)
class Course:
    """A folder with `source/NAME/NAME.ipynb`, as nbgrader lays courses out, and where what is built from it goes.

    This project's own exercises have their keys in the library and their pages in the book. In any other folder
    both stand beside the student notebook, and the key beside the source too, so that nbgrader hands it out.
    """

    folder: Path

    @property
    def is_own(self) -> bool:
        """Whether these are the exercises of this project."""
        return self.folder.resolve() == SHIPPED.parents[3] / "exercises"

    def source(self, name: str) -> Path:
        """The source notebook of an exercise."""
        return self.folder / "source" / name / f"{name}.ipynb"

    def student(self, name: str) -> Path:
        """The student notebook."""
        return self.folder / f"{name}.ipynb"

    def keys(self, name: str) -> list[Path]:
        """The files its key is written to."""
        if self.is_own:
            return [SHIPPED / f"{name}.json"]
        return [self.source(name).with_name(f"{name}.key.json"), self.folder / f"{name}.key.json"]

    def key(self, name: str) -> Path:
        """The key that marks it, found as its check finds it: beside the source, else the shipped one.

        So a copy of this project's exercises can be used as it is. Raises `FileNotFoundError` where there is none.
        """
        return find_key(name, folder=self.source(name).parent)

    def page(self, name: str) -> Path:
        """The page with the solutions."""
        return (
            self.folder.resolve().parent / "book" / "exercises" / f"{name}.md"
            if self.is_own
            else self.folder / f"{name}.md"
        )

    def chapter(self, name: str) -> str | None:
        """The chapter of the book that an exercise of this project belongs to, as seen from its page."""
        found = list((self.folder.resolve().parent / "book").glob(f"*/{name}.ipynb")) if self.is_own else []
        return f"../{found[0].parent.name}/{name}" if found else None

    def names(self) -> list[str]:
        """The exercises that have a source. Raises `SourceError` where none has."""
        found = [path.stem for path in sorted(self.folder.glob("source/*/*.ipynb")) if path.stem == path.parent.name]
        if not found:
            raise SourceError(f"no source notebook in {self.folder / 'source'}: source/NAME/NAME.ipynb is looked for")
        return found


def build(name: str, *, course: Course) -> dict[Path, str]:
    """The files of an exercise and their texts. Raises `SourceError` where its source does not allow it.

    A key that is on disk stays as it is where nothing but the last digits differ, as they do between machines.
    """
    path = course.source(name)
    if not path.is_file():
        raise SourceError(f"there is no source {path}; found: {', '.join(course.names())}")
    source = read_source(path)
    key = make_key(source, folder=path.parent)
    texts = {course.student(name): student_text(source)}
    for place in course.keys(name):
        texts[place] = place.read_text(encoding="utf-8") if _is_kept(place, key) else key_text(key)
    notebook = os.path.relpath(course.student(name), course.page(name).parent)
    where = Path(notebook).as_posix()
    page = page_text(source, key, notebook=where, chapter=course.chapter(name), outputs=course.is_own)
    return texts | {course.page(name): page}


def write(texts: dict[Path, str]) -> list[Path]:
    """Write the files whose text differs from what is on disk, and return their paths.

    Raises `SourceError`, with nothing written, where a student notebook on disk was worked in.
    """
    changed = [p for p, text in texts.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in changed:
        if path.suffix == ".ipynb" and path.is_file() and is_worked_in(path.read_text(encoding="utf-8")):
            raise SourceError(f"{path} was worked in, and building would overwrite it: move it away or delete it first")
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8", newline="\n")
    return changed


def _is_kept(path: Path, key: Key) -> bool:
    if not path.is_file():
        return False
    try:
        old = read_key(path)
    except ValueError:
        return False
    alike = (old.name, old.library, list(old.tasks)) == (key.name, key.library, list(key.tasks))
    return alike and all(_alike(old.tasks[name], task) for name, task in key.tasks.items())


def _alike(old: Task, new: Task) -> bool:
    plain = [
        (t.is_function, t.tolerance, t.hints, t.digest, [(m.name, m.hint) for m in t.misconceptions])
        for t in (old, new)
    ]
    if plain[0] != plain[1] or len(old.cases) != len(new.cases):
        return False
    arguments = all(same_argument(a, b) for a, b in zip(old.cases, new.cases, strict=True))
    wrong = [(a.outputs, b.outputs) for a, b in zip(old.misconceptions, new.misconceptions, strict=True)]
    right = _same_outputs(old.expected, new.expected, new, share=100)
    return arguments and right and all(_same_outputs(a, b, new, share=10) for a, b in wrong)


def same_argument(old: object, new: object) -> bool:
    """Whether two arguments of a check differ in their last digits at most."""
    if isinstance(new, tuple | list):
        pairs = type(old) is type(new) and len(old) == len(new)
        return pairs and all(same_argument(a, b) for a, b in zip(old, new, strict=True))
    if not isinstance(new, torch.Tensor | np.ndarray):
        return same(old, new)
    if type(old) is not type(new) or old.dtype != new.dtype or tuple(old.shape) != tuple(new.shape):
        return False
    old, new = np.asarray(as_parts(old)[0]), np.asarray(as_parts(new)[0])
    largest = float(np.abs(new[np.isfinite(new)]).max(initial=0.0))
    # a small entry of a product is as uncertain as a large one: what a sum lost depends on its terms
    return np.allclose(old, new, rtol=1e-6, atol=max(1e-9, 1e-6 * largest), equal_nan=True)


def _same_outputs(old: tuple[Parts, ...], new: tuple[Parts, ...], task: Task, *, share: int) -> bool:
    """Within a share of the task's tolerance; wrong answers may be less well conditioned than right ones."""
    return distance(old, new, scale=scales(task.expected)) <= task.tolerance / share
