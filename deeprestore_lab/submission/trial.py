"""Run a submission's `main.py`, when an instructor asks for it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from deeprestore_lab.submission import confinement
from deeprestore_lab.submission.confinement import HOME, Limits, Outcome
from deeprestore_lab.submission.inspection import bytes_of, read
from deeprestore_lab.submission.names import MAIN, ids_of


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
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
        return _run(Path(folder), files, limits or Limits())


def _run(folder: Path, files: dict[str, bytes], limits: Limits) -> Trial:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    before = _files(folder)
    outcome = confinement.run([MAIN], folder=folder, limits=limits, readable=_course_data())
    made = {name: size for name, (size, when) in _files(folder).items() if before.get(name) != (size, when)}
    return Trial(outcome, made)


def _course_data() -> list[str]:
    from deeprestore_lab.data.files import cache_folder

    local = os.environ.get("DEEPRESTORE_DATA", "").strip()
    return [str(cache_folder()), *([str(Path(local).expanduser())] if local else [])]


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file below a folder, by its path in it; at most ten thousand."""
    found: dict[str, tuple[int, int]] = {}
    for place, folders, names in os.walk(folder):
        if place == str(folder):
            folders[:] = [each for each in folders if each != HOME]
        for name in names:
            state = os.lstat(os.path.join(place, name))
            found[os.path.relpath(os.path.join(place, name), folder)] = (state.st_size, state.st_mtime_ns)
            if len(found) >= 10_000:
                return found
    return found
