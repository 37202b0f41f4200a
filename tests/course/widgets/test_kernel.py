"""A live slider figure in a real kernel: messages are sent from the worker's thread, and the book's build has none."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from deeprestore_lab.course.widgets.rendering import NAMES_SCRIPT

pytestmark = pytest.mark.slow

FIGURE = """
import torch
import deeprestore_lab as drl

figure = drl.widgets.slider_figure(
    lambda level: torch.full((1, 1, 2, 2), level), {"level": [0.0, 0.5, 1.0]}, alt="Grey {level}", caption="See."
)
figure
"""
MOVE = """
figure.live.controls["level"].value = 0.25
assert figure.live.wait(20)
assert figure.live.error is None and figure.shown.selected_index == 1
"""


def executed(*sources: str) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, startup_timeout=180, kernel_name="python3").execute()
    return notebook


def test_live_figure_works_from_its_thread_in_a_kernel():
    notebook = executed(FIGURE, MOVE)
    output, names = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data
    assert names.data == {"text/plain": "", "application/javascript": NAMES_SCRIPT}
    assert output.data["text/plain"] == "Slider figure: See."
    state = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    html = [widget["state"].get("value", "") for widget in state if widget["model_name"] == "HTMLModel"]
    assert any('alt="Grey 0.25"' in value for value in html)
    assert any("solved in" in value for value in html)


def test_build_embeds_the_grid_and_no_live_controls(monkeypatch):
    monkeypatch.setenv("DEEPRESTORE_BUILD", "1")
    notebook = executed(FIGURE, "assert figure.live is None")
    view, plain = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in view.data
    assert plain.data["text/html"].startswith("<noscript>") and 'alt="Grey 0.5"' in plain.data["text/html"]
    state = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert sum(widget["model_name"] == "LinkModel" for widget in state) == 1
    assert not any(widget["model_name"].startswith("Float") for widget in state)
