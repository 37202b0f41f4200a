"""Build the book: run its notebooks once, make the pages work without a network, check them.

    python -m scripts.book [--fresh]

Notebooks run again only when they or `deeprestore_lab/` have changed; `--fresh` runs and renders everything anew.
The pages land in `book/_build/html`, what each chapter cost in `book/_build/seconds.json`.

What a build that did not end well has left is never taken for up to date: the mark of a finished build is removed
first and written last, and without it the next build renders every page anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from scripts import ROOT
from scripts.book.address import add_addresses
from scripts.book.chapters import Chapter, run_chapters
from scripts.book.colab import write_copies
from scripts.book.pages import check
from scripts.book.places import Places, frame_hash, source_hash
from scripts.book.solved import solve_exercises
from scripts.book.widgets import offline_widgets

HERE = Places(ROOT)
KEPT_CACHES = 3  # of executed notebooks: going back to another branch runs nothing again


def prepare(places: Places, *, fresh: bool) -> None:
    """Remove whatever a page could be out of date by and the mark of the last build that ended well."""
    mark = places.finished.read_text(encoding="utf-8").split() if places.finished.is_file() else []
    if fresh or len(mark) != 2 or mark[1] != frame_hash(places):
        shutil.rmtree(places.built, ignore_errors=True)
    if fresh:
        shutil.rmtree(places.executed, ignore_errors=True)
    places.finished.unlink(missing_ok=True)
    for old in sorted(places.cache.glob("executed-*"), key=lambda path: path.stat().st_mtime)[:-KEPT_CACHES]:
        if old != places.executed:
            shutil.rmtree(old)


def read_again(places: Places, ended: list[Chapter]) -> None:
    """Have Sphinx read again the chapters that ran just now: it looks only whether a notebook's file has changed."""
    for chapter in ended:
        if not chapter.kept:
            (places.built / ".doctrees" / f"{chapter.name}.doctree").unlink(missing_ok=True)


def up_to_date(places: Places) -> bool:
    """Whether the pages are those of a build of the present sources that ended well."""
    return places.finished.is_file() and places.finished.read_text(encoding="utf-8").split() == mark(places)


def mark(places: Places) -> list[str]:
    """What a finished build leaves: the hash of all sources, and the hash of what Sphinx does not look at."""
    return [source_hash(places), frame_hash(places)]


def write_config(places: Places, *, offline: bool) -> Path:
    """The book's settings with the cache of executed notebooks and the widgets' scripts added."""
    config = yaml.safe_load((places.book / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["cache"] = str(places.executed)
    add_addresses(config)
    if names := write_copies(places):
        config["sphinx"]["config"]["colab_pages"] = names
    if "solved" in config["sphinx"].get("extra_extensions", []):
        config["sphinx"]["config"]["solved_exercises"] = str(places.executed / "solved")
    if offline:
        # In an extra path, not in _static: scripts there are added to every page, and widgets would show twice.
        config["sphinx"]["config"]["html_extra_path"] = ["extra"]
        config["sphinx"]["config"]["nb_ipywidgets_js"] = {"widgets/embed.js": {}}
    places.cache.mkdir(parents=True, exist_ok=True)
    path = places.cache / "_config.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def build(places: Places = HERE, *, fresh: bool = False) -> None:
    """Run the chapters, then jupyter-book, then check the pages. Anything wrong ends with `SystemExit`."""
    sources = mark(places)  # of now: what is saved while it builds is for the next build
    prepare(places, fresh=fresh)
    offline = offline_widgets(places)
    config = write_config(places, offline=offline)
    paths = [places.root, places.book / "_ext", *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "DEEPRESTORE_BUILD": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),  # two stall each other on a busy machine
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    limit = yaml.safe_load(config.read_text(encoding="utf-8"))["execute"]["timeout"]
    ended, failed = run_chapters(places, limit=limit, environment=environment)
    if failed:
        for name in failed:  # nobody should read an old page for the one that was asked for
            (places.html / f"{name}.html").unlink(missing_ok=True)
        lines = [f"{name}: {problem.splitlines()[0]}" for name, problem in failed.items()]
        raise SystemExit("\n".join(["the book was not built, these chapters did not run to their end:", *lines]))
    solve_exercises(places, environment=environment)
    read_again(places, ended)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(places.book)]
    command += ["--config", str(config), "-W", "--keep-going"]
    if subprocess.run(command, env=environment, cwd=places.root).returncode:
        raise SystemExit("the book was not built: see the warnings and errors above")
    if problems := check(places, ended, offline=offline):
        raise SystemExit("\n".join(["the book was built, but its pages do not pass:", *problems]))
    places.finished.write_text("\n".join(sources), encoding="utf-8")


def main() -> None:
    """Build, check, and say where to look."""
    parser = argparse.ArgumentParser(prog="python -m scripts.book", description="Build the book.")
    parser.add_argument("--fresh", action="store_true", help="run every notebook and render every page anew")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # what a chapter raises may hold letters the terminal lacks
    began = time.perf_counter()
    build(fresh=arguments.fresh)
    html = HERE.html
    sizes = {page.relative_to(html).as_posix(): page.stat().st_size / 1e6 for page in html.rglob("*.html")}
    heaviest = max(sizes, key=sizes.get)
    seconds = time.perf_counter() - began
    print(f"\n{len(sizes)} pages in {seconds:.0f} s; {heaviest} is the heaviest ({sizes[heaviest]:.2f} MB)")
    print(f"Seconds of each chapter: {HERE.seconds.relative_to(HERE.root)}")
    print(f"Open {(html / 'index.html').as_uri()}")
