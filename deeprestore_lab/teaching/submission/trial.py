"""Run a submission's `main.py`, when an instructor asks for it."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from deeprestore_lab.teaching.submission import confinement, storage
from deeprestore_lab.teaching.submission.confinement import HOME, Limits, Outcome
from deeprestore_lab.teaching.submission.inspection import bytes_of, read
from deeprestore_lab.teaching.submission.names import MAIN, ids_of


class Trial(NamedTuple):
    """How a run went, and the files that it made or changed, with their sizes in bytes."""

    outcome: Outcome
    made: dict[str, int]


def try_out(path: Path, *, limits: Limits | None = None, keep: Path | None = None) -> Trial:
    """Unpack an archive that passes the check into a fresh folder, and run its `main.py` there, confined.

    It may read Python, this library and the course's data (`DEEPRESTORE_DATA`, the cache), and write to its folder
    alone. The folder is `keep`, which must not exist yet, or one that is removed at the end.

    Raises `Refused` where the archive does not pass, `FileExistsError` where `keep` is there.
    """
    files = read(bytes_of(path), ids_of(path.name))
    if keep is not None:
        keep.mkdir(parents=True)
        return _run(keep, files, limits or Limits())
    folder = Path(tempfile.mkdtemp(prefix="submission-"))
    try:
        return _run(folder, files, limits or Limits())
    finally:
        storage.remove(folder)


def _run(folder: Path, files: dict[str, bytes], limits: Limits) -> Trial:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    before = _made(folder)
    outcome = confinement.run([MAIN], folder=folder, limits=limits, readable=_course_data())
    made = {name: size for name, (size, when) in _made(folder).items() if before.get(name) != (size, when)}
    return Trial(outcome, made)


def _course_data() -> dict[str, str]:
    """The folders of the course's data, by the variables that name them: the program has another home and folder."""
    from deeprestore_lab.data.files import cache_folder

    local = os.environ.get("DEEPRESTORE_DATA", "").strip()
    found = {"DEEPRESTORE_CACHE": str(cache_folder().absolute())}
    return found | ({"DEEPRESTORE_DATA": str(Path(local).expanduser().absolute())} if local else {})


def _made(folder: Path) -> dict[str, tuple[int, int]]:
    return storage.files(folder, without=HOME, most=10_000)
