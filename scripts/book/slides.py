"""Slides for lectures, one deck a chapter: `make slides`, after `make book`; written to `book/_build/slides/`.

reveal.js by nbconvert's own exporter. The scripts lie beside the decks, so that they work without a network: reveal.js
and the sliders' scripts at pinned versions, MathJax from the book's own package.
"""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import nbformat
from nbconvert import SlidesExporter

from deeprestore_lab.core.writing import write_whole
from scripts import ROOT
from scripts.book.chapters import executed
from scripts.book.deck import deck
from scripts.book.npm import unpack
from scripts.book.places import Places, chapters
from scripts.book.widgets import offline_widgets

TEMPLATES = Path(__file__).with_name("templates")
MATHJAX = ("tex-chtml.js", "input/tex/extensions/*.js", "output/chtml/fonts/woff-v2/*")
REVEAL = ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js")


def folder(places: Places) -> Path:
    """Where the decks lie."""
    return places.built / "slides"


def html(notebook: nbformat.NotebookNode) -> str:
    """The page of a deck."""
    exporter = SlidesExporter(
        template_name="drl_slides",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        reveal_url_prefix="_static/reveal",
        reveal_theme="../../../slides",  # a style sheet of ours in place of one of its own
    )
    return exporter.from_notebook_node(notebook)[0]


def scripts(places: Places) -> None:
    """Put what the decks load beside them. Raises `SystemExit` where reveal.js cannot be had."""
    target = folder(places) / "_static"
    if problem := unpack(places.book / "slides.json", target / "reveal", chosen=_reveal):
        raise SystemExit(f"{problem}: slides need reveal.js, which npm fetches once")
    if offline_widgets(places):
        shutil.copytree(places.book / "extra" / "_static" / "widgets", target / "widgets", dirs_exist_ok=True)
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    for file in (each for pattern in MATHJAX for each in source.glob(pattern)):
        place = target / "mathjax" / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    shutil.copy(TEMPLATES / "slides.css", target)


def _reveal(path: PurePosixPath) -> str | None:
    return path.as_posix() if path.as_posix() in REVEAL else None


def main(names: list[str], places: Places | None = None) -> int:
    """Write the decks of the chapters named, or of all. Status 1 where one has not run yet: `make book` runs it."""
    places = places or Places(ROOT)
    found = {name: path for name, path in chapters(places).items() if name.split("/")[0].startswith("part")}
    if unknown := [name for name in names if name not in {path.stem for path in found.values()}]:
        raise SystemExit(
            f"no such chapter: {', '.join(unknown)}; there are {', '.join(p.stem for p in found.values())}"
        )
    scripts(places)
    late = []
    for path in found.values():
        if names and path.stem not in names:
            continue
        notebook = executed(places, path)
        if notebook is None:
            late.append(path.stem)
            continue
        made = deck(notebook)
        text = html(made)
        write_whole(folder(places) / f"{path.stem}.html", text.encode())
        count = sum(cell.metadata.slideshow.slide_type != "-" for cell in made.cells)
        print(f"{path.stem}: {count} slides, {len(text) / 1e6:.1f} MB", flush=True)
    if late:
        print(f"not run as they stand, so without slides: {', '.join(late)}. `make book` runs them.", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
