"""The exercise pages of the built book: tasks in sight, solutions folded, the notebook to take along."""

from __future__ import annotations

import io
import json
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


@pytest.mark.parametrize("name", NAMES)
def test_solutions_are_folded_until_somebody_asks(visit, name):
    page = visit(f"{name}.html").page
    tasks, solutions = page.locator("div.exercise"), page.locator("div.solution")
    assert solutions.count() == tasks.count() >= 3
    for number in range(solutions.count()):
        code = solutions.nth(number).locator("div.highlight").first
        button = solutions.nth(number).locator("button.toggle-button").first
        assert tasks.nth(number).is_visible() and not code.is_visible()
        assert button.get_attribute("aria-expanded") == "false"
        button.focus()
        page.keyboard.press("Enter")
        code.wait_for(state="visible")
        page.keyboard.press("Enter")
        code.wait_for(state="hidden")


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_to_take_along_is_the_student_s(visit, name):
    page = visit(f"{name}.html").page
    link = page.locator("a.download").first.evaluate("a => a.href")
    taken = Path(link.removeprefix("file://"))
    given = EXERCISES / f"{Path(name).name}.ipynb"
    assert json.loads(taken.read_text(encoding="utf-8")) == json.loads(given.read_text(encoding="utf-8"))
    assert "BEGIN SOLUTION" not in taken.read_text(encoding="utf-8")


def test_a_page_can_be_printed(chromium, html):
    """Questions and figures are on paper; what only unfolds on the screen is not."""
    from pypdf import PdfReader

    from scripts.book.pdf import printed

    page = chromium.new_page(reduced_motion="reduce")
    title, raw = printed(page, (html / "part3_priors" / "10_map.html").as_uri())
    page.close()
    text = "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(raw)).pages)
    assert title == "10. One equation" and "Deep Restoration Lab" in text
    assert text.count("Before you read on.") >= 2 and text.count("Yes.") >= 2  # open, with their answers
    assert "Show code cell source" not in text and "Click to show" not in text
