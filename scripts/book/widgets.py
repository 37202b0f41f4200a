"""The widgets' scripts, so that sliders work in a page that is opened without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

from scripts.book.places import Places


def offline_widgets(places: Places) -> bool:
    """Put the widget scripts into `book/extra`, fetched with npm at the pinned version; whether they are there."""
    pin = json.loads((places.book / "offline.json").read_text(encoding="utf-8"))
    target = places.book / "extra" / "_static" / "widgets"
    stamp = target / "version.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pin["integrity"]:
        return True
    npm = shutil.which("npm")
    if npm is None:
        print(
            "npm was not found: the pages load the widget scripts from a public server and slide only with a network."
        )
        return False
    packed = places.cache / "widgets"
    shutil.rmtree(packed, ignore_errors=True)
    packed.mkdir(parents=True)
    command = [npm, "pack", f"{pin['package']}@{pin['version']}", "--silent"]
    try:
        result = subprocess.run(command, cwd=packed, capture_output=True, text=True, timeout=300)
        archives, said = list(packed.glob("*.tgz")) if not result.returncode else [], result.stderr.strip()
    except subprocess.TimeoutExpired:
        archives, said = [], "it did not end within 300 s"
    if not archives:
        print(f"npm could not fetch {pin['package']}: the pages slide only with a network.\n{said}")
        return False
    found = "sha512-" + base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if found != pin["integrity"]:
        raise SystemExit(f"{pin['package']} {pin['version']} is not the package that was pinned ({found})")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            name = Path(member.name)
            if name.parent.as_posix() == "package/dist" and (name.name == "embed.js" or name.suffix == ".woff2"):
                (target / name.name).write_bytes(archive.extractfile(member).read())
    stamp.write_text(pin["integrity"], encoding="utf-8")
    shutil.rmtree(packed)
    return True
