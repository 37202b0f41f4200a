"""Every claim that a chapter stores is what the chapter printed when the book was built.

The build runs each chapter in a fresh kernel and ends where a cell raises. What the tagged cells gave is compared here
by nbval's own rules, so that `make test` need not run each chapter a second time; one still goes through nbval itself.
"""

from __future__ import annotations

import copy

import nbformat
import pytest

from built_book import build_where_old
from deeprestore_lab.course.claims import Measured
from scripts.book.build import HERE
from scripts.book.chapters import last_run
from scripts.book.places import chapters
from stored_outputs import TAG, differences

NOTEBOOKS = chapters(HERE)
CHAPTERS = [name for name in NOTEBOOKS if name.startswith("part")]  # the first page claims nothing


@pytest.fixture(scope="module")
def built():
    build_where_old()


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAPTERS)
def test_the_stored_claims_are_what_the_chapter_printed(name, built):
    stored = [c for c in nbformat.read(NOTEBOOKS[name], as_version=4).cells if c.cell_type == "code"]
    assert any(TAG in cell.metadata.get("tags", []) for cell in stored)
    run = last_run(HERE, NOTEBOOKS[name])
    assert run is not None, "the chapter has changed since the book was built"
    assert differences(stored, run) == []


def cell(*outputs, tags=(TAG,), source="claim(1)"):
    node = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}, execution_count=1)
    node.outputs = [nbformat.v4.new_output(kind, **fields) for kind, fields in outputs]
    return node


HOLDS = ("stream", {"name": "stdout", "text": "holds: a is above 3\n"})
MEASURED, OTHER = (
    ("display_data", {"data": {"text/plain": "measured", "text/html": Measured(value, "at least 3")._repr_html_()}})
    for value in (4.1, 4.2)
)


@pytest.mark.parametrize(
    ("run", "same"),
    [
        (cell(HOLDS, MEASURED), True),
        (cell(HOLDS, OTHER), True),  # a value beside a claim differs from machine to machine
        (
            cell(*[("stream", {"name": "stdout", "text": part}) for part in ("holds: a is ", "above 3\n")], MEASURED),
            True,
        ),
        (cell(("stream", {"name": "stdout", "text": "holds: a is above 4\n"}), MEASURED), False),
        (cell(MEASURED), False),
        (cell(HOLDS), False),
        (cell(HOLDS, HOLDS, MEASURED), False),
        (cell(HOLDS, MEASURED, ("stream", {"name": "stderr", "text": "a warning"})), False),
        (cell(HOLDS, MEASURED, source="claim(2)"), False),
    ],
)
def test_a_difference_is_found(run, same):
    stored = cell(HOLDS, MEASURED)
    before = copy.deepcopy((stored, run))
    assert (differences([stored], [run]) == []) is same
    assert (stored, run) == before


def test_cells_without_the_tag_are_not_compared():
    assert differences([cell(tags=())], [cell(HOLDS, tags=())]) == []
