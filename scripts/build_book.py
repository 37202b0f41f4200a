"""Build the book: run its notebooks once, make the pages work without a network, check them.

    python scripts/build_book.py [--fresh]

Notebooks run again only when they or `deeprestore_lab/` have changed; `--fresh` runs and renders everything anew.
The pages land in `book/_build/html`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK, CACHE = ROOT / "book", ROOT / ".cache" / "book"
BUILD, HTML = BOOK / "_build", BOOK / "_build" / "html"
PAGE_LIMIT = 3_000_000  # bytes of one page, its pictures inside it, scripts and styles shared by all pages aside


def library_hash() -> str:
    """A hash of everything a notebook's result depends on besides itself: the library's files and its records."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "deeprestore_lab").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def source_hash() -> str:
    """A hash of everything a page depends on."""
    digest = hashlib.sha256(library_hash().encode() + Path(__file__).read_bytes())
    for path in sorted([*BOOK.rglob("*"), *(ROOT / "exercises").glob("*.ipynb")]):
        if path.is_file() and not {"_build", "extra", "__pycache__", ".ipynb_checkpoints"} & set(path.parts):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def offline_widgets() -> bool:
    """Put the widget scripts into `book/extra`, fetched with npm at the pinned version; whether they are there."""
    pin = json.loads((BOOK / "offline.json").read_text(encoding="utf-8"))
    target = BOOK / "extra" / "_static" / "widgets"
    stamp = target / "version.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pin["integrity"]:
        return True
    npm = shutil.which("npm")
    if npm is None:
        print(
            "npm was not found: the pages load the widget scripts from a public server and slide only with a network."
        )
        return False
    packed = CACHE / "widgets"
    shutil.rmtree(packed, ignore_errors=True)
    packed.mkdir(parents=True)
    command = [npm, "pack", f"{pin['package']}@{pin['version']}", "--silent"]
    result = subprocess.run(command, cwd=packed, capture_output=True, text=True, timeout=300)
    archives = list(packed.glob("*.tgz"))
    if result.returncode or not archives:
        print(f"npm could not fetch {pin['package']}: the pages slide only with a network.\n{result.stderr.strip()}")
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


def write_config(*, offline: bool) -> Path:
    """The book's settings with the execution cache (keyed on the library) and the widgets' scripts added."""
    config = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))
    cache = CACHE / f"executed-{library_hash()}"
    for old in sorted(CACHE.glob("executed-*"), key=lambda path: path.stat().st_mtime)[:-3]:
        shutil.rmtree(old)
    config["execute"]["cache"] = str(cache)
    if offline:
        # In an extra path, not in _static: scripts there are added to every page, and widgets would show twice.
        config["sphinx"]["config"]["html_extra_path"] = ["extra"]
        config["sphinx"]["config"]["nb_ipywidgets_js"] = {"widgets/embed.js": {}}
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / "_config.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def build(*, fresh: bool) -> None:
    """Run jupyter-book; warnings and errors in cells end the build."""
    offline = offline_widgets()
    config = write_config(offline=offline)
    if fresh:
        shutil.rmtree(BUILD, ignore_errors=True)
        shutil.rmtree(CACHE / f"executed-{library_hash()}", ignore_errors=True)
    threads = os.environ.get("OMP_NUM_THREADS", "1")  # two stall each other on a busy machine
    environment = os.environ | {
        "DEEPRESTORE_BUILD": "1",
        "OMP_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(BOOK / "_ext"), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(BOOK)]
    command += ["--config", str(config), "-W", "--keep-going", *(["--all"] if fresh else [])]
    if subprocess.run(command, env=environment, cwd=ROOT).returncode:
        raise SystemExit("the book was not built: see the warnings and errors above")
    problems = check(offline=offline)
    if problems:
        raise SystemExit("\n".join(["the book was built, but its pages do not pass:", *problems]))
    (HTML / ".source-hash").write_text(source_hash(), encoding="utf-8")


def check(*, offline: bool) -> list[str]:
    """What is wrong with the built pages: too heavy, or loading something from elsewhere."""
    problems = []
    for page in sorted(HTML.rglob("*.html")):
        name, text = page.relative_to(HTML).as_posix(), page.read_text(encoding="utf-8")
        if page.stat().st_size > PAGE_LIMIT:
            problems.append(f"{name}: {page.stat().st_size / 1e6:.2f} MB, more than {PAGE_LIMIT / 1e6:.0f} MB")
        tags = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^\"']*", text)
        outside = [tag for tag in tags if 'rel="canonical"' not in tag]
        if offline:
            problems += [f"{name}: loads from elsewhere: {tag[:120]}" for tag in outside]
    return problems


def main() -> None:
    """Build, check, and say where to look."""
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument("--fresh", action="store_true", help="run every notebook and render every page anew")
    arguments = parser.parse_args()
    began = time.perf_counter()
    build(fresh=arguments.fresh)
    sizes = {page.relative_to(HTML).as_posix(): page.stat().st_size / 1e6 for page in HTML.rglob("*.html")}
    heaviest = max(sizes, key=sizes.get)
    seconds = time.perf_counter() - began
    print(f"\n{len(sizes)} pages in {seconds:.0f} s; {heaviest} is the heaviest ({sizes[heaviest]:.2f} MB)")
    print(f"Open {(HTML / 'index.html').as_uri()}")


if __name__ == "__main__":
    main()
