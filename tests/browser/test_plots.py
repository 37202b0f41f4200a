"""Drawings on a dark page: the page's script and style on figures of the library, without the book."""

from __future__ import annotations

import base64
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

from deeprestore_lab.course.figures import curves, plot, show
from deeprestore_lab.course.figures.encoding import img_tag

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"


@pytest.mark.browser
def test_drawings_of_lines_turn_dark_and_pictures_do_not(chromium):
    drawing, axes = plt.subplots()
    axes.imshow([[0.0, 1.0], [0.5, 0.2]])
    axes.plot([0, 1], [0, 1], "k.", rasterized=True)
    dotted, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], "k.", rasterized=True)
    figures = [
        curves({"a": [1.0, 2.0]}, x_label="x", y_label="y", alt="lines", see="s"),
        plot(drawing, alt="drawn picture", see="s"),
        show(torch.rand(1, 3, 8, 8), alt="picture", see="s"),
        plot(dotted, alt="dots", see="s"),
    ]
    assert b"<image" in base64.b64decode(figures[3].html.partition("base64,")[2].partition('"')[0])
    script, style = ((STATIC / name).read_text(encoding="utf-8") for name in ("plots.js", "book.css"))
    cells = "".join(f"<div class='cell_output'>{figure.html}</div>" for figure in figures)
    grid = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8" class="picture"><path d="M0 0h4v8z"/></svg>'
    shown = img_tag(grid, mime="image/svg+xml", alt="picture as cells", width=8, height=8)
    cells += f"<div class='cell_output'>{shown}</div>"
    page = chromium.new_page()
    page.set_content(f"<style>{style}</style><div class='bd-content'>{cells}</div><script>{script}</script>")
    theme = "theme => { document.documentElement.dataset.theme = theme }"

    def turned():
        filters = page.locator("img").evaluate_all(
            "all => all.map(image => [image.alt, getComputedStyle(image).filter])"
        )
        return {alt for alt, filter in filters if filter != "none"}

    assert turned() == set()
    page.evaluate(theme, "dark")
    page.wait_for_function("document.querySelectorAll('.drl-lines').length === 2")
    assert turned() == {"lines", "dots"}
    page.evaluate(
        "document.querySelectorAll('img')[2].src = document.querySelectorAll('img')[0].src"
    )  # as a slider does
    page.wait_for_function("document.querySelectorAll('.drl-lines').length === 3")
    page.evaluate("document.querySelectorAll('img')[2].src = document.querySelectorAll('img')[1].src")
    page.wait_for_function("document.querySelectorAll('.drl-lines').length === 2")
    assert turned() == {"lines", "dots"}
    page.evaluate(theme, "light")
    assert turned() == set()
    page.close()
