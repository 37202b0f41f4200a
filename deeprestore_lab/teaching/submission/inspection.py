"""Inspect an archive that was handed in, without unpacking it to the disk and without running what it holds."""

import json
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from deeprestore_lab.teaching.submission import confinement
from deeprestore_lab.teaching.submission.contents import content, wrong_members
from deeprestore_lab.teaching.submission.directory import LARGEST_ARCHIVE, members
from deeprestore_lab.teaching.submission.names import REPORT, ids_of, is_of_systems
from deeprestore_lab.teaching.submission.parts import missing_parts, needed
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

READING = confinement.Limits(seconds=30.0, memory=1_500_000_000, file_size=0, files=10, processes=2, output=4_000_000)
CODE = "import sys; sys.path.insert(0, {!r}); from deeprestore_lab.teaching.submission import parts; parts.main()"


def check(path: Path, *, ids: Collection[str] | None = None) -> list[Refusal]:
    """What is wrong with an archive `ex3_ID1_ID2.zip`: an empty list where nothing is.

    Looked at in turn: its name, its directory, the names, kinds and sizes of its members, their content, and its parts
    (`ex3.pdf`, `README.md`, `main.py`, each Python file and notebook). Where one step finds something, those after it
    are left out. `ids` are the IDs of a course's students; others are refused ("unknown ID").

    The check takes seconds, and raises nothing for whatever an archive holds. Nothing is written to the disk.

    >>> print(*check(Path("homework.rar")), sep="\\n")
    wrong archive name: 'homework.rar': it must be ex3_ID1_ID2.zip, where an ID is 4 to 16 letters a to z and digits

    Taught in chapter 12_latent_autoencoder's project exercise.
    """
    try:
        opened(path, ids=ids)
    except Refused as refused:
        return refused.refusals
    return []


def opened(path: Path, *, ids: Collection[str] | None = None) -> dict[str, bytes]:
    """The files of an archive by their names, once `check` would find nothing wrong with it. Raises `Refused`."""
    pair = ids_of(path.name)
    if ids is not None and (unknown := [each for each in pair if each not in ids]):
        raise Refused(*(Refusal("unknown ID", each, "it is not on the list of students") for each in unknown))
    return read(bytes_of(path), pair)


def bytes_of(path: Path) -> bytes:
    """The bytes of an archive, never more than an archive may have. Raises `Refused`."""
    try:
        if not path.is_file():
            raise Refused(Refusal("no zip file", path.name, "there is no such file"))
        with path.open("rb") as file:
            return file.read(LARGEST_ARCHIVE + 1)
    except OSError as error:
        raise Refused(Refusal("no zip file", path.name, f"it cannot be read: {error.strerror}")) from None


def read(data: bytes, ids: Sequence[str]) -> dict[str, bytes]:
    """The files of an archive by their names, once all of it is found right. Raises `Refused`."""
    found = [member for member in members(data) if not is_of_systems(member.name)]
    if said := wrong_members(found):
        raise Refused(*said)
    if said := missing_parts([each.name for each in found]):
        raise Refused(*said)
    files, said = {}, []
    for member in found:
        if member.is_folder:
            continue
        try:
            files[member.name] = content(data, member)
        except Refused as refused:
            said += refused.refusals
    if said:
        raise Refused(*said)
    if said := _wrong_parts({name: files[name] for name in files if needed(name)}, ids):
        raise Refused(*said)
    return files


def _wrong_parts(parts: Mapping[str, bytes], ids: Sequence[str]) -> list[Refusal]:
    """`parts.wrong_parts` in a process with limits. Where that gives no answer, each part alone, to name the one.

    That search has the same time again: many parts that are slow together, and none alone, are "archive".
    """
    said = _asked(parts, ids)
    if isinstance(said, list):
        return said
    end = time.monotonic() + READING.seconds
    for name, data in parts.items():
        if time.monotonic() > end:
            break
        if isinstance(alone := _asked({name: data}, ids), str):
            return [Refusal("broken part", name, alone)]
    return [Refusal("broken part", "archive", said)]


def _asked(parts: Mapping[str, bytes], ids: Sequence[str]) -> list[Refusal] | str:
    outcome = _read_apart(parts, {"ids": list(ids)})
    if outcome.end != "ended":
        return f"reading it takes too much: {outcome.end}"
    try:
        return [Refusal(*each) for each in json.loads(outcome.output)]
    except (ValueError, TypeError):
        return f"reading it ends the reader with status {outcome.status}"


def pages_of(files: Mapping[str, bytes]) -> int:
    """The pages of the report among the files of an archive that `read` gave; 0 where they cannot be counted."""
    outcome = _read_apart({REPORT: files[REPORT]}, {"count": True})
    try:
        return int(json.loads(outcome.output)[0]) if outcome.end == "ended" else 0
    except (ValueError, TypeError, IndexError):
        return 0


def _read_apart(parts: Mapping[str, bytes], asked: Mapping[str, object]) -> confinement.Outcome:
    header = {**asked, "parts": {name: len(data) for name, data in parts.items()}}
    given = b"\n".join([json.dumps(header).encode(), b"".join(parts.values())])
    command = ["-I", "-c", CODE.format(str(Path(__file__).resolve().parents[3]))]
    with tempfile.TemporaryDirectory() as folder:
        return confinement.run(command, folder=Path(folder), limits=READING, given=given)
