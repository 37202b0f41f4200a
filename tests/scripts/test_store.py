"""What the claim cells printed in the last build is stored in the chapter, and nothing else is."""

from __future__ import annotations

import json
from importlib import import_module

import nbformat
import pytest

import small_book

TAG = "nbval-check-output"
CLAIM = [
    nbformat.v4.new_output("stream", name="stdout", text="holds: one\nholds: two\n"),
    nbformat.v4.new_output("display_data", data={"text/plain": "measured", "text/html": "<b>4</b>"}),
]


@pytest.fixture
def command():
    return import_module("scripts.book.store")


@pytest.fixture
def places(tmp_path):
    root = small_book.make(tmp_path, one=["x = 1", "claim(x)"], two=["y = 1"])
    places = import_module("scripts.book.places").Places(root)
    path = root / "book" / "one.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata["tags"] = [TAG]
    nbformat.write(notebook, path)
    return places


def ran(places, name):
    """Put a chapter into the cache as if it had run, each code cell having printed the same."""
    chapters = import_module("scripts.book.chapters")
    notebook = nbformat.read(places.book / f"{name}.ipynb", as_version=4)
    for count, cell in enumerate(notebook.cells[1:], start=1):
        cell.execution_count, cell.outputs = count, CLAIM
    data = {"cost": {"seconds": 1.0, "cpu_seconds": 1.0, "slowest_cell": 2, "slowest_seconds": 1.0}}
    bundle = chapters.CacheBundleIn(notebook, name, data=data)
    chapters.get_cache(str(places.executed)).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def test_tagged_cells_store_their_streams_and_values_and_others_nothing(command, places):
    ran(places, "one")
    assert command.store(places, ["one"]) == (["one"], [])
    first, second = json.loads((places.book / "one.ipynb").read_text())["cells"][1:]
    assert first["outputs"] == [] and first["execution_count"] is None
    assert second["execution_count"] == 1
    assert second["outputs"][0]["text"] == ["holds: one\n", "holds: two\n"]
    assert second["outputs"][1]["data"] == {"text/plain": ["measured"], "text/html": ["<b>4</b>"]}
    assert command.store(places, ["one"]) == ([], [])  # nothing is left to store, and the chapter counts as run


def test_a_chapter_that_did_not_run_as_it_stands_is_refused_and_left_alone(command, places):
    ran(places, "one")
    path = places.book / "one.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source = "claim(2)"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    changed, (sentence,) = command.store(places, ["one"])
    assert changed == [] and sentence == "one has changed since the book was built, or was never built"
    assert path.read_bytes() == before


def test_a_name_that_no_chapter_has_is_said(command, places):
    assert command.store(places, ["nine"]) == ([], ["no chapter is called nine"])
