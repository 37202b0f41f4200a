"""What came back from a class, sorted to its students: flat files, a folder for each, zips, whatever browsers did."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from deeprestore_lab.teaching.exercises.handed_in import ENDINGS, is_of
from deeprestore_lab.teaching.roster import students_in

LARGEST, LARGEST_ZIP = 20_000_000, 500_000_000  # bytes of a notebook, and of all that a zip gives back
LEFT = ("__MACOSX", ".ipynb_checkpoints")


@dataclass
class Sorted:
    """Each student's notebook and where it lay; whose could not be taken, and why; files that are nobody's, and why.

    `beside` are files that are no notebook: they are left where they are.
    """

    notebooks: dict[str, bytes] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    unsorted: dict[str, str] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)


def sort(folder: Path, *, name: str, ids: frozenset[str], roster: Mapping[str, str]) -> Sorted:
    """Find the notebooks of the exercise `name`, known by its named cells `ids`, and whose they are.

    A student is known by ID or name in the path of a file, the names of zips and of what lies in them included. Nothing
    is guessed: where two students or two notebooks could be meant, they are named and left to a person.
    """
    found = Sorted()
    of_students: dict[str, list[tuple[str, bytes | None, str]]] = {}
    for place, data in _files(folder, found):
        kind = _kind(place, data, ids)
        if kind == "beside":
            found.beside.append(place)
            continue
        whose = students_in(place, roster)
        if len(whose) != 1:
            names = " and ".join(f"{each} ({roster[each]})" if roster[each] else each for each in whose)
            why = f"several students could be meant: {names}" if whose else "no student of the roster is named in it"
            found.unsorted[place] = why
            continue
        of_students.setdefault(whose[0], []).append((place, data, kind))
    for student, files in of_students.items():
        _settle(found, student, files, name)
    return found


def _settle(found: Sorted, student: str, files: list, name: str) -> None:
    """Take the one notebook of a student, or say why none can be taken."""
    right = {data: place for place, data, kind in reversed(files) if kind == "right"}
    places = ", ".join(place for place, _, _ in files)
    broken = any(kind == "damaged" for _, _, kind in files)
    if len(right) == 1 and not broken:
        ((found.notebooks[student], found.places[student]),) = right.items()
    elif right and not broken:
        found.refused[student] = ("several", f"more than one notebook of {name} came: {places}. Keep the one to grade")
    elif broken:
        said = "cut short, or no notebook. Ask for it again" + (", or keep the one to grade" if right else "")
        found.refused[student] = ("damaged", f"{places} cannot be read: {said}")
    else:
        found.refused[student] = ("other exercise", f"{places} is of another exercise than {name}")


def _kind(place: str, data: bytes | None, ids: frozenset[str]) -> str:
    """ "right", "other" (another exercise), "damaged", or "beside" for what is no notebook."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(place).suffixes]
    named_so = ".ipynb" in suffixes
    if not named_so and suffixes[-1:] not in [[ending] for ending in ENDINGS]:
        return "damaged" if data is None and suffixes[-1:] == [".zip"] else "beside"
    try:
        return "right" if is_of((data or b"").decode("utf-8"), ids) else "other"
    except ValueError:
        return "damaged" if named_so or data is None else "beside"


def _files(folder: Path, found: Sorted) -> Iterator[tuple[str, bytes | None]]:
    """Paths and contents of all files; None for what is too large or broken. A zip's content has its name before it."""
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or _is_left(place):
            continue
        if path.suffix.lower() == ".zip":
            yield from _of_zip(path, place, deep=True)
        else:
            yield place, path.read_bytes() if path.stat().st_size <= LARGEST else None


def _of_zip(file: Path | io.BytesIO, place: str, *, deep: bool) -> Iterator[tuple[str, bytes | None]]:
    """The files of a zip, and those of zips in it. Never more is unpacked than `LARGEST_ZIP` bytes."""
    room = LARGEST_ZIP
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                inner = f"{place}/{info.filename}"
                if info.is_dir() or _is_left(info.filename):
                    continue
                is_zip = deep and info.filename.lower().endswith(".zip")
                most = min(room, 10 * LARGEST if is_zip else LARGEST)
                with archive.open(info) as member:
                    data = member.read(most + 1)
                room -= len(data)
                if len(data) > most:
                    yield inner, None
                elif is_zip:
                    yield from _of_zip(io.BytesIO(data), inner, deep=False)
                else:
                    yield inner, data
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error):
        yield place, None


def _is_left(place: str) -> bool:
    """Whether a file is one that systems and editors put beside those of a person."""
    parts = PurePosixPath(place).parts
    return any(part in LEFT for part in parts) or parts[-1].startswith(("._", ".DS_Store", "Thumbs.db"))
