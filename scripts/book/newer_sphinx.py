"""Whether the book's pages could be made by Sphinx 9 and its present theme: the way out of jupyter-book 1 stays open.

`python -m scripts.book.newer_sphinx`, after `make book`. It takes the settings that jupyter-book gives Sphinx, less the
extensions that Sphinx 9 does not take, and the notebooks that the build ran; every chapter must show the same run and
as many slider figures. The pages are removed again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts import ROOT
from scripts.book.chapters import VIEW
from scripts.book.places import Places, chapters

PINNED = (
    "docutils==0.22.4",
    "myst-nb==1.4.0",
    "myst-parser==5.2.0",
    "pydata-sphinx-theme==0.20.0",
    "sphinx==9.0.4",
    "sphinx-book-theme==1.4.0",
    "sphinx-design==0.8.0",
    "sphinx-exercise==1.2.1",
    "sphinx-togglebutton==0.4.5",
    "sphinxcontrib-bibtex==2.7.0",
)
LEFT_OUT = ("jupyter_book", "sphinx_comments", "sphinx_multitoc_numbering", "sphinx_thebe")


def settings(places: Places) -> str:
    """Sphinx's settings as jupyter-book would give them, without the extensions that are left out."""
    config = ["--config", str(places.cache / "_config.yml")]
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "config", "sphinx"]
    subprocess.run([*command, str(places.book), *config], check=True, stdout=subprocess.DEVNULL)
    made = places.cache / "conf.py"  # beside the settings that it is made from
    try:
        text = made.read_text(encoding="utf-8")
    finally:
        made.unlink(missing_ok=True)
    names = "|".join(LEFT_OUT)
    return re.sub(rf"['\"](?:{names})(?:\.\w+)*['\"],?\s*", "", text)


def shown(page: Path) -> tuple[str | None, int]:
    """The run that a page shows, and the number of its slider figures."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    run = re.search(r'<meta name="executed" content="([^"]*)"', text)
    return run and run[1], text.count(f'<script type="{VIEW}">')


def main() -> None:
    """Build, compare with the pages of the build, remove. Anything wrong ends with `SystemExit`."""
    places, began = Places(ROOT), time.perf_counter()
    if not places.finished.is_file():
        raise SystemExit("the book is not built: run `make book` first")
    packages, pages = places.cache / "newer_sphinx", places.built / "newer_html"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(packages), *PINNED]
    subprocess.run(install, check=True)
    paths = [packages, places.root, places.book / "_ext"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "DEEPRESTORE_BUILD": "1"}
    text, conf = settings(places), places.book / "conf.py"
    try:
        conf.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", str(places.book), str(pages)]
        if subprocess.run(command, env=environment, cwd=places.root).returncode:
            raise SystemExit("Sphinx 9 did not build the pages: see above")
        names = list(chapters(places))
        ours, theirs = ([shown(place / f"{name}.html") for name in names] for place in (places.html, pages))
        differ = [name for name, a, b in zip(names, ours, theirs, strict=True) if b[0] is None or a != b]
    finally:
        conf.unlink(missing_ok=True)
        shutil.rmtree(pages, ignore_errors=True)
    if differ:
        raise SystemExit(f"these chapters show another run or fewer slider figures by Sphinx 9: {', '.join(differ)}")
    print(f"Sphinx 9 makes the same {len(names)} chapters, in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
