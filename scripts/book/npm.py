"""A package of scripts for pages, fetched with npm at a pinned version and held against its sum."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath


def unpack(pin: Path, target: Path, *, chosen: Callable[[PurePosixPath], str | None]) -> str:
    """Put files of the package that `pin` names into `target`; an empty text, or why that could not be done.

    `chosen` gives the name in `target` of each file of the package, by its path there, or None. What is in `target` of
    the same version stays as it is. Raises `SystemExit` where the package is not the one that was pinned.
    """
    wanted = json.loads(pin.read_text(encoding="utf-8"))
    stamp = target / "version.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted["integrity"]:
        return ""
    packed = fetched(wanted)
    if isinstance(packed, str):
        return packed
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if member.isfile() and (name := chosen(path.relative_to("package"))):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(archive.extractfile(member).read())
    stamp.write_text(wanted["integrity"], encoding="utf-8")
    return ""


def fetched(wanted: dict[str, str]) -> bytes | str:
    """The archive of a package, or a sentence that says why it is not there."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm was not found"
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{wanted['package']}@{wanted['version']}", "--silent"]
        try:
            result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
            archives, said = list(Path(folder).glob("*.tgz")) if not result.returncode else [], result.stderr.strip()
        except subprocess.TimeoutExpired:
            archives, said = [], "it did not end within 300 s"
        if not archives:
            return f"npm could not fetch {wanted['package']}: {said}"
        data = archives[0].read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != wanted["integrity"]:
        raise SystemExit(f"{wanted['package']} {wanted['version']} is not the package that was pinned ({found})")
    return data
