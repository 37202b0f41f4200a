"""A deck has a chapter's headings, formulas, questions and figures, no code and no word of the reader's text."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from base64 import b64encode
from pathlib import Path, PurePosixPath

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

pytest.importorskip("jupyter_cache", reason="the book's tools come with the extra `book`")
pytest.importorskip("nbconvert")

from scripts.book import npm, slides  # noqa: E402
from scripts.book.deck import deck  # noqa: E402

FIGURE = '<figure class="drl-figure"><img alt="a cat" src="data:,x"><figcaption>See the fur.</figcaption></figure>'
ASKED = '<div class="drl-ask">\n\nWhy, says {doc}`chapter 3 <03>`?\n<details>Because.</details>\n</div>'


def html(text: str) -> object:
    return new_output("display_data", data={"text/html": text, "text/plain": "plain words"})


@pytest.fixture
def chapter():
    cells = [
        new_markdown_cell("# 7. Cats\n\nReaders' text.\n\n$$a = b$$"),
        new_code_cell("import secret_code", outputs=[new_output("stream", text="printed")]),
        new_markdown_cell(
            "## Fur\n\nMore of it, $x$.\n\n$$c$$\n\n$$d$$\n\n$$e$$\n\n```python\n# no heading\n$$f$$\n```\n" + ASKED
        ),
        new_code_cell(
            "drl.figures.show()", outputs=[html(FIGURE), html("<div class='drl-measured'>measured: 3</div>")]
        ),
        new_markdown_cell("## Nothing to show\n\nText."),
        new_code_cell("slider", outputs=[html("<noscript>" + FIGURE + "</noscript>")]),
        new_markdown_cell("## Claws"),
        new_code_cell("claws()", outputs=[html(FIGURE), html(FIGURE)]),
        new_markdown_cell("## Your own picture"),
        new_code_cell("own", outputs=[html(FIGURE)]),
        new_markdown_cell("## Exercises\n\n$$g$$"),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def test_what_a_deck_keeps(chapter):
    made = deck(chapter)
    texts = [cell.source for cell in made.cells]
    assert texts[:2] == ["# 7. Cats\n\n$$a = b$$", "## Fur\n\n$$c$$\n\n$$d$$"]  # two formulas stand with a heading
    types = [cell.metadata.slideshow.slide_type for cell in made.cells]
    assert types == ["slide", "slide", *["subslide"] * 3, "slide", "-", "subslide"]  # a heading alone shares its slide
    assert texts[5:] == ["## Claws", "", ""]
    kinds = sorted(cell.cell_type if cell.cell_type == "code" else cell.source[:5] for cell in made.cells[2:5])
    assert kinds == ["$$e$$", "<div ", "code"]
    (asked,) = [text for text in texts if "drl-ask" in text]
    assert "says chapter 3?" in asked and "<details>Because." in asked
    (figure,) = [cell for cell in made.cells[:5] if cell.cell_type == "code"]
    assert figure.source == "" and figure.outputs[0].data == {"text/html": FIGURE}


def test_the_page_asks_for_nothing_from_elsewhere(chapter):
    page = slides.html(deck(chapter))
    assert "See the fur." in page and "secret_code" not in page and "Readers" not in page and "measured" not in page
    loaded = re.findall(r"""(?:src|href)=["']([^"'#]+)""", page)
    assert loaded and not [each for each in loaded if not each.startswith(("_static/", "data:"))]
    assert not re.search(r"require\(|cdnjs|unpkg|import mermaid", page)
    assert len(re.findall(r"<section", page)) >= 5 and "<title>7. Cats slides</title>" in page


def packed(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


@pytest.fixture
def pin(tmp_path, monkeypatch):
    """A pin of a package, and what npm would fetch for it."""
    data = packed({"dist/reveal.js": b"1", "dist/other.js": b"2"})
    wanted = {
        "package": "p",
        "version": "1",
        "integrity": "sha512-" + b64encode(hashlib.sha512(data).digest()).decode(),
    }
    (tmp_path / "pin.json").write_text(json.dumps(wanted))

    def run(command, *, cwd, **_):
        Path(cwd, "p-1.tgz").write_bytes(data)
        return type("Answer", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(npm.shutil, "which", lambda name: "npm")
    monkeypatch.setattr(npm.subprocess, "run", run)
    return tmp_path / "pin.json"


def chosen(path: PurePosixPath) -> str | None:
    return path.name if path.name == "reveal.js" else None


def test_scripts_are_unpacked_once_at_the_pinned_version(pin, tmp_path, monkeypatch):
    target = tmp_path / "there"
    assert npm.unpack(pin, target, chosen=chosen) == ""
    assert sorted(path.name for path in target.iterdir()) == ["reveal.js", "version.txt"]
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    assert npm.unpack(pin, target, chosen=chosen) == ""  # it is there
    assert npm.unpack(pin, tmp_path / "elsewhere", chosen=chosen) == "npm was not found"


def test_another_package_than_the_pinned_one_is_refused(pin, tmp_path):
    pin.write_text(pin.read_text().replace("sha512-", "sha512-x"))
    with pytest.raises(SystemExit, match="is not the package that was pinned"):
        npm.unpack(pin, tmp_path / "there", chosen=chosen)
    assert not (tmp_path / "there").exists()


def test_a_chapter_that_there_is_not_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(slides, "chapters", lambda places: {"part3_priors/10_map": tmp_path / "10_map.ipynb"})
    with pytest.raises(SystemExit, match="no such chapter: 99_none; there are 10_map"):
        slides.main(["99_none"], places=slides.Places(tmp_path))
