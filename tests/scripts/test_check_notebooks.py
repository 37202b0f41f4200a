"""The check of stored notebooks, on notebooks made by hand, and on those of the course."""

from __future__ import annotations

import copy
import json
from importlib import import_module

import nbformat
import pytest

TEXT = {"output_type": "stream", "name": "stdout", "text": ["holds: two and two are four\n"]}
VALUE = '<div class="drl-measured"><data>measured: 4</data> (at least 3)</div>'
MEASURED = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "measured", "text/html": VALUE}}
SAID = TEXT | {"text": ["two and two are four\n"]}
PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA", "text/plain": "<Figure>"}}
WIDGET = {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {}}}


@pytest.fixture(scope="module")
def check():
    return import_module("scripts.book.check_notebooks")


def code(*outputs, tags=(), count=None, **metadata):
    metadata |= {"tags": list(tags)} if tags else {}
    cell = {"cell_type": "code", "source": "2 + 2", "execution_count": count}
    return cell | {"metadata": metadata, "outputs": list(outputs)}


def claim(*outputs, count=1, **more):
    return code(*outputs, tags=["nbval-check-output"], count=count, **more)


def notebook(check, *cells):
    cells = [cell | {"id": f"cell-{place}"} for place, cell in enumerate(cells)]
    return {"cells": cells, "metadata": dict(check.METADATA), "nbformat": 4, "nbformat_minor": 5}


def test_a_clean_notebook_passes(check):
    assert list(check.problems(notebook(check, code(), claim(SAID), claim(TEXT, MEASURED)))) == []


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (code(TEXT), "stores an output"),
        (code(PICTURE), "stores an output"),
        (claim(), "keeps no text output"),
        (claim(PICTURE), "keeps no text output"),
        (claim(TEXT, PICTURE), "text alone"),
        (claim(TEXT, WIDGET), "text alone"),
        (claim(TEXT), "without their values"),
        (claim(TEXT, TEXT, MEASURED), "without their values"),
        (claim(TEXT, MEASURED, MEASURED), "without their values"),
        (claim(TEXT | {"name": "stderr"}), "text alone"),
        (claim(TEXT, MEASURED | {"data": {"text/html": ["<img src='data:'>"]}}), "text alone"),
        (claim(TEXT, MEASURED | {"metadata": {"needs_background": "light"}}), "stores metadata"),
        (code(count=3), "execution count 3, not None"),
        (claim(TEXT, count=None), "execution count None, not 1"),
        (code(execution={"iopub.status.busy": "2026-01-01"}), "execution"),
        (code(vscode={"languageId": "python"}), "vscode"),
    ],
)
def test_each_fault_is_named(check, cell, said):
    assert any(said in problem for problem in check.problems(notebook(check, cell)))


@pytest.mark.parametrize(
    ("source", "lost"),
    [
        ("drl.figures.table(rows)\nprint(1)", ["drl.figures.table"]),
        ("widgets.scrub(trace)\nassert 1", ["widgets.scrub"]),
        ("print(1)\ndrl.figures.table(rows)", []),
        ("sheet = drl.figures.table(rows)\nsheet", []),
        ("from deeprestore_lab import figures\nprint(1)", []),
        ("%pip install x\nfigures.table(rows)\nprint(1)", []),
    ],
)
def test_a_figure_that_no_reader_would_see_is_named(check, source, lost):
    assert list(check.lost_figures(source)) == lost
    found = list(check.problems(notebook(check, code() | {"source": source.splitlines(keepends=True)})))
    assert [problem for problem in found if "is not shown" in problem] == [
        f"cell 1 makes a figure that is not shown: {name}(...) must be its last statement" for name in lost
    ]


@pytest.mark.parametrize("key", ["widgets", "language_info", "colab"])
def test_notebook_metadata_of_a_machine_are_refused(check, key):
    one = notebook(check, code())
    one["metadata"][key] = {"version": "3.11.7"}
    assert any("metadata" in problem for problem in check.problems(one))


def test_fix_strips_all_but_the_texts_of_checked_cells(check, tmp_path):
    result = {"output_type": "execute_result", "execution_count": 7, "metadata": {"x": 1}, "data": {"text/plain": "4"}}
    dirty = notebook(
        check, code(PICTURE, count=7, tags=["hide-input"], collapsed=True), claim(TEXT, MEASURED, result, count=8)
    )
    dirty["metadata"]["widgets"] = {"state": {}}
    path = tmp_path / "chapter.ipynb"
    path.write_text(json.dumps(dirty))
    assert check.main([str(path)]) == 1
    assert check.main([str(path), "--fix"]) == 0
    fixed = json.loads(path.read_text())
    nbformat.validate(nbformat.from_dict(fixed))
    first, second = fixed["cells"]
    assert first["outputs"] == [] and first["metadata"] == {"tags": ["hide-input"]}
    assert second["outputs"] == [TEXT, MEASURED, result | {"execution_count": None, "metadata": {}}]
    assert check.main([str(path)]) == 0


def test_stripping_twice_changes_nothing_and_leaves_its_argument(check):
    dirty = notebook(check, code(PICTURE, count=1), claim(TEXT, MEASURED))
    before = copy.deepcopy(dirty)
    once = check.stripped(dirty)
    assert check.stripped(once) == once and dirty == before


def test_fix_cannot_make_up_a_missing_output(check, tmp_path):
    path = tmp_path / "chapter.ipynb"
    path.write_text(json.dumps(notebook(check, claim())))
    assert check.main([str(path), "--fix"]) == 1


def test_the_notebooks_of_the_course_pass(check):
    assert check.main([]) == 0


def test_built_copies_are_left_out(check, tmp_path):
    for folder in ("book/part3_priors", "book/_build/html/_sources", "exercises", "exercises/submitted/ann"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "one.ipynb").write_text("{}")
    found = {path.parent.name for path in check.notebooks(tmp_path)}
    assert found == {"part3_priors", "exercises"}
