"""Tables that can be sorted: the page's script on tables of the library, without the book."""

from __future__ import annotations

from pathlib import Path

import pytest

from deeprestore_lab.course.figures import table


@pytest.mark.browser
def test_a_press_on_a_heading_sorts_the_rows(chromium):
    """The script alone, on a page of two tables: numbers, a cell without one, and a press again."""
    script = (Path(__file__).resolve().parents[2] / "book" / "_static" / "sorting.js").read_text(encoding="utf-8")
    rows = [["one", 9.5], ["two", 10.25], ["three", "–"], ["four", -3.0], ["five", 12_000]]
    figures = [
        table(rows, columns=["name", "dB"], see="s", sortable=True, smaller_is_better=better)
        for better in (False, True)
    ]
    page = chromium.new_page()
    page.set_content(f"<body>{figures[0].html}{figures[1].html}<script>{script}</script></body>")

    def order(place):
        return page.locator("table").nth(place).locator("tbody th").all_text_contents()

    def press(place, name):
        page.locator("table").nth(place).get_by_role("button", name=name).click()

    press(0, "dB")
    assert order(0) == ["five", "two", "one", "four", "three"]  # "12,000" is not 12
    assert order(1) == ["one", "two", "three", "four", "five"]
    press(0, "dB")
    assert order(0) == ["four", "one", "two", "five", "three"]
    press(0, "name")
    assert order(0) == ["five", "four", "one", "three", "two"]
    press(1, "dB")
    assert order(1) == ["four", "one", "two", "five", "three"]
    headings = page.locator("table").nth(1).locator("thead th")
    assert (
        headings.nth(1).get_attribute("aria-sort") == "ascending" and headings.nth(0).get_attribute("aria-sort") is None
    )
    page.close()
