"""A folder of archives that a class handed in, as a table: accepted or why not, pages, who is missing, what is like."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deeprestore_lab.teaching.submission.inspection import bytes_of, opened, pages_of
from deeprestore_lab.teaching.submission.names import ids_of
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused
from deeprestore_lab.teaching.submission.similarity import alike, code_of, given_lines, words_of


@dataclass
class Archive:
    """One archive: its students, what is wrong with it, its pages, and how alike its code is to that of others."""

    file: str
    ids: tuple[str, ...] = ()
    refusals: list[Refusal] = field(default_factory=list)
    pages: int = 0
    words: list[str] = field(default_factory=list)
    sum: str = ""
    most_alike: tuple[float, str] = (0.0, "")
    solution: float | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """ "accepted" or "refused"."""
        return "refused" if self.refusals else "accepted"


def examine(
    folder: Path, *, roster: Mapping[str, str] | None = None, given: Path | None = None, solution: Path | None = None
) -> list[Archive]:
    """Every archive below a folder, by name, each checked as `check` does and compared with all others.

    `roster` has names by ID: others are refused. `given` is the folder that was handed out, whose lines do not count,
    `solution` one with a solution. Raises `ImportError` where RapidFuzz is missing.
    """
    lines = given_lines(given) if given is not None else frozenset()
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() == ".zip" and path.is_file()]
    found = [_one(path, str(path.relative_to(folder)), roster, lines) for path in paths]
    _compare(found, words_of(code_of(_files(solution)), given=lines) if solution is not None else None)
    _who(found)
    return found


def missing(found: Sequence[Archive], roster: Mapping[str, str]) -> list[str]:
    """The IDs of students whom no archive names."""
    named = {each.casefold() for archive in found for each in archive.ids}
    return [each for each in roster if each.casefold() not in named]


def _one(path: Path, file: str, roster: Mapping[str, str] | None, lines: frozenset[str]) -> Archive:
    made = Archive(file)
    try:
        made.ids = ids_of(path.name)
        made.sum = hashlib.sha256(bytes_of(path)).hexdigest()
        files = opened(path, ids=roster)
    except Refused as refused:
        made.refusals = refused.refusals
        return made
    made.pages = pages_of(files)
    made.words = words_of(code_of(files), given=lines)
    return made


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.py")}


def _compare(found: Sequence[Archive], solution: Sequence[str] | None) -> None:
    for number, one in enumerate(found):
        for other in found[:number]:
            if not (one.words and other.words):
                continue
            ratio = alike(one.words, other.words)
            one.most_alike = max(one.most_alike, (ratio, other.file))
            other.most_alike = max(other.most_alike, (ratio, one.file))
        if solution is not None and one.words:
            one.solution = alike(one.words, solution)


def _who(found: Sequence[Archive]) -> None:
    """Notes on archives that are the same file, and on students who stand in two."""
    for one in found:
        same = [other.file for other in found if other is not one and one.sum and other.sum == one.sum]
        if same:
            one.notes.append(f"the same file as {', '.join(same)}")
        for each in one.ids:
            also = [other.file for other in found if other is not one and each in other.ids and other.file not in same]
            if also:
                one.notes.append(f"{each} is also in {', '.join(also)}")
