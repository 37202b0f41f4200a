"""Build the archive of a pair of students, or say what is missing."""

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.submission.inspection import read
from deeprestore_lab.teaching.submission.names import ARCHIVE, REPORT, SUFFIXES, archive_name
from deeprestore_lab.teaching.submission.parts import missing_parts, needed, wrong_parts
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused
from deeprestore_lab.teaching.submission.report import SOURCE, write_report

LEFT_OUT = {"__pycache__", "node_modules", "venv", "__MACOSX"}
WHEN = (2000, 1, 1, 0, 0, 0)  # the same files give the same archive


class Built(NamedTuple):
    """The archive, the names in it, and the files of the folder that were left out of it."""

    path: Path
    names: list[str]
    left_out: list[str]


def build(ids: Sequence[str], *, folder: Path, out: Path | None = None) -> Built:
    """Write `ex3_ID1_ID2.zip` from a folder into `out` (the folder itself), whole or not at all.

    Where the folder has `report.typ`, `ex3.pdf` is made from it first. Hidden files, links, archives, and files of
    kinds that no submission needs are left out. What is built passes `check`.

    Raises `Refused`, which names all that is missing or broken; an archive that was there before stays as it was.
    """
    name = archive_name(ids)
    said: list[Refusal] = []
    if (folder / SOURCE).is_file():
        try:
            write_report(folder)
        except Refused as refused:
            said += refused.refusals
    names, left_out = _chosen(folder)
    known = {each.where for each in said} | ({REPORT} if said else set())
    said += [each for each in missing_parts(names) if each.where not in known]
    if said:  # all that is wrong is named at once: what is there is read too
        there = {each: (folder / each).read_bytes() for each in names if needed(each) and each != REPORT}
        raise Refused(*said, *wrong_parts(there, ids))
    data = _packed(folder, names)
    read(data, ids)
    path = (out or folder) / name
    write_whole(path, data)
    return Built(path, names, left_out)


def _chosen(folder: Path) -> tuple[list[str], list[str]]:
    """The files that go into the archive, and those that do not, by their paths in the folder."""
    names, left_out = [], []
    for place, folders, files in os.walk(folder):
        kept = [
            each for each in folders if each not in LEFT_OUT and each[0] != "." and not Path(place, each).is_symlink()
        ]
        left_out += [Path(place, each).relative_to(folder).as_posix() + "/" for each in set(folders) - set(kept)]
        folders[:] = kept
        for each in files:
            path = Path(place, each)
            fits = path.suffix.lower() in SUFFIXES and each[0] != "." and not path.is_symlink()
            if not ARCHIVE.fullmatch(each):
                (names if fits else left_out).append(path.relative_to(folder).as_posix())
    return sorted(names), sorted(left_out)


def _packed(folder: Path, names: Sequence[str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type = zipfile.ZIP_STORED if name == REPORT else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, (folder / name).read_bytes())
    return data.getvalue()
