"""The exercise pages of the built book: tasks in sight, solutions folded, the notebook to take along."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOOK = Path(__file__).resolve().parents[2] / "book"
EXERCISES = BOOK.parent / "exercises"
CONTENTS = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
NAMES = [entry["file"] for part in CONTENTS["parts"] for entry in part["chapters"] if "exercises/" in entry["file"]]


def test_every_exercise_notebook_has_its_page():
    assert sorted(Path(name).name for name in NAMES) == sorted(path.stem for path in EXERCISES.glob("*.ipynb"))


def open_and_close_solutions(page):
    """Every solution is hidden, opens by the keyboard and closes again."""
    tasks, solutions = page.locator("div.exercise"), page.locator("details.solution")
    assert solutions.count() == tasks.count() >= 3
    for number in range(solutions.count()):
        code = solutions.nth(number).locator("div.highlight").first
        assert tasks.nth(number).is_visible() and not code.is_visible()
        solutions.nth(number).locator("summary").focus()
        page.keyboard.press("Enter")
        code.wait_for(state="visible")
        page.keyboard.press("Enter")
        code.wait_for(state="hidden")


@pytest.mark.parametrize("name", NAMES)
def test_solutions_are_folded_until_somebody_asks(visit, name):
    open_and_close_solutions(visit(f"{name}.html").page)


@pytest.mark.parametrize("name", NAMES)
def test_the_solved_notebook_prints_rounded_numbers(visit, name):
    shown = "\n".join(visit(f"{name}.html").page.locator(".drl-solved").all_inner_texts())
    assert re.findall(r"\d+\.\d{7,}", shown) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_to_take_along_is_the_student_s(visit, name):
    page = visit(f"{name}.html").page
    link = page.locator("a.download").first.evaluate("a => a.href")
    taken = Path(link.removeprefix("file://"))
    given = EXERCISES / f"{Path(name).name}.ipynb"
    assert json.loads(taken.read_text(encoding="utf-8")) == json.loads(given.read_text(encoding="utf-8"))
    assert "BEGIN SOLUTION" not in taken.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_without_scripts_solutions_are_folded_too(visit, name):
    open_and_close_solutions(visit(f"{name}.html", scripts=False).page)


@pytest.fixture
def on_paper(chromium, html):
    """`on_paper(name)` gives the title and the text of a page as it is printed."""
    from pypdf import PdfReader

    from scripts.book.pdf import printed

    page = chromium.new_page(reduced_motion="reduce")

    def read(name):
        title, raw = printed(page, (html / f"{name}.html").as_uri())
        return title, "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(raw)).pages)

    yield read
    page.close()


def test_a_page_can_be_printed(on_paper):
    """Questions and figures are on paper; what only unfolds on the screen is not."""
    title, text = on_paper("part3_priors/10_map")
    assert title == "10. One equation" and "Deep Restoration Lab" in text
    assert text.count("Before you read on.") >= 2 and text.count("Yes.") >= 2  # open, with their answers
    assert "Show code cell source" not in text


def test_solutions_are_on_paper(on_paper):
    name = "exercises/08_style"
    _, text = on_paper(name)
    cells = json.loads((EXERCISES / "source" / "08_style" / "08_style.ipynb").read_text(encoding="utf-8"))["cells"]
    solved = ["".join(cell["source"]) for cell in cells if "BEGIN SOLUTION" in "".join(cell["source"])]
    last = [one.split("### END SOLUTION")[0].strip().splitlines()[-1].strip() for one in solved]
    assert len(last) >= 3 and all(line in text for line in last)
