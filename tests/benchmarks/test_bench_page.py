"""The time until a page's slider moves, on a page whose time is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from benchmarks import bench_page

WAITS = 600  # milliseconds until the slider is there, and half as long again until it answers
TEXT = f"""<!doctype html><title>page</title><body><script>
setTimeout(() => {{
  document.body.innerHTML = '<div role="slider" tabindex="0" aria-valuenow="1" aria-valuemax="3">o</div>'
  document.body.firstChild.onkeydown = event => setTimeout(
    () => event.target.setAttribute('aria-valuenow', '2'), {WAITS // 2})
}}, {WAITS})
</script>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "page.html"
    file.write_text(TEXT)
    return file


@pytest.mark.browser
def test_the_clock_runs_until_the_slider_has_moved(page):
    if bench_page.find_chromium() is None or importlib.util.find_spec("playwright") is None:
        pytest.skip("needs a Chromium and playwright")
    (row,) = bench_page.run(page, repeats=2)
    assert row["ours_s"] >= 1.5 * WAITS / 1000
    assert row["met"] == (row["ours_s"] <= bench_page.GOAL_S)


def test_a_book_that_is_not_built_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_page, "find_chromium", lambda: "/usr/bin/true")
    (row,) = bench_page.run(tmp_path / "none.html")
    assert row["ours_s"] is None and row["met"] is None and "not built" in row["note"]
