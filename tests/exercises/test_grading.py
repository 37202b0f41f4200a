"""nbgrader, run as an instructor runs it, on the small exercise."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from deeprestore_lab.exercises import environment
from deeprestore_lab.exercises.build import Course, build, write
from deeprestore_lab.exercises.environment import GradingError, check_environment, examine
from deeprestore_lab.exercises.grading import confirmed, prepared
from deeprestore_lab.exercises.keys import key_text, read_key
from deeprestore_lab.exercises.source import read_source
from small_exercises import SETUP, SOLUTION, cells, solved, write_source

pytest.importorskip("nbgrader", reason="nbgrader comes with the extra `tests`, which `make test` installs")

CONFIG = Path(__file__).parents[2] / "exercises" / "nbgrader_config.py"
MODULE = "a_module_of_the_course"


def nbgrader(course, *arguments, path=""):
    """Run nbgrader as it lies beside this Python; `path` is where the course's own module is found."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=course.folder, env=environ, capture_output=True, text=True)


def hand_in(course, student, notebook, *, files=()):
    folder = course.folder / "submitted" / student / "small"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "small.ipynb")
    for name, text in files:
        (folder / name).write_text(text)


def marks(course):
    answer = nbgrader(course, "export")
    assert answer.returncode == 0, answer.stderr
    with (course.folder / "grades.csv").open() as file:
        return {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}


def new_course(folder, **texts):
    write_source(folder, cells(**texts))
    shutil.copy(CONFIG, folder)
    course = Course(folder)
    write(build("small", course=course))
    return course


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course where notebooks were handed in, and graded."""
    course = new_course(tmp_path_factory.mktemp("course"))
    answer = nbgrader(course, "generate_assignment", "small")
    assert answer.returncode == 0, answer.stderr
    student = nbformat.read(course.student("small"), as_version=4)
    good = solved(course.student("small"), course.source("small"))
    hand_in(course, "starter", student)
    hand_in(course, "solved", good)
    half = nbformat.from_dict(json.loads(nbformat.writes(good)))
    half.cells[3].source = SOLUTION.replace(".mean(", ".sum(")
    del half.cells[4]  # the check of what is wrong: it runs all the same
    hand_in(course, "half", half)
    answer = nbgrader(course, "autograde", "small")
    assert answer.returncode == 0, answer.stderr
    return course


@pytest.mark.slow
def test_what_nbgrader_hands_out_is_the_student_notebook(course):
    ours = nbformat.read(course.student("small"), as_version=4)
    theirs = nbformat.read(course.folder / "release" / "small" / "small.ipynb", as_version=4)
    for cell in theirs.cells:
        cell.metadata.get("nbgrader", {}).pop("checksum", None)
        cell.metadata.get("nbgrader", {}).pop("cell_type", None)
    assert [(c.cell_type, c.source, c.metadata) for c in ours.cells] == [
        (c.cell_type, c.source, c.metadata) for c in theirs.cells
    ]
    assert (course.folder / "release" / "small" / "small.key.json").is_file()


@pytest.mark.slow
def test_marks_are_full_for_the_solution_and_zero_for_the_starter(course):
    assert marks(course) == {"solved": (4, 4), "starter": (0, 4), "half": (2, 4)}


@pytest.mark.slow
def test_the_feedback_has_the_check_s_words_and_not_the_author_s(course):
    answer = nbgrader(course, "generate_feedback", "small")
    assert answer.returncode == 0, answer.stderr
    page = (course.folder / "feedback" / "half" / "small" / "small.html").read_text()
    assert "sums where it should average" in page and "not written yet" not in page
    assert "takes a root at the end" not in page and "squares_of_all" in page  # its own code
    assert "squares_of_all" not in (course.folder / "feedback" / "starter" / "small" / "small.html").read_text()


@pytest.mark.slow
def test_a_missing_module_is_an_error_that_names_it_and_no_mark(tmp_path, monkeypatch):
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / f"{MODULE}.py").write_text("")
    monkeypatch.syspath_prepend(str(modules))
    course = new_course(tmp_path / "course", setup=f"{SETUP}\nimport {MODULE}")
    assert nbgrader(course, "generate_assignment", "small", path=str(modules)).returncode == 0
    hand_in(course, "solved", solved(course.student("small"), course.source("small")))
    answer = nbgrader(course, "autograde", "small")
    assert answer.returncode != 0
    assert f"the exercise imports {MODULE}" in answer.stderr
    assert not (course.folder / "autograded" / "solved" / "small").exists()


@pytest.fixture
def small(tmp_path):
    return new_course(tmp_path / "course")


def graded(course, notebook, folder):
    resources = {"nbgrader": {"assignment": "small", "notebook": "small"}, "metadata": {"path": str(folder)}}
    return prepared(notebook, resources, sources=course.folder / "source")[0]


def test_the_author_s_part_is_left_out_of_what_runs(small, tmp_path):
    notebook = nbformat.read(small.source("small"), as_version=4)
    shutil.copy(small.keys("small")[0], tmp_path)
    texts = [cell.source for cell in graded(small, notebook, tmp_path).cells]
    assert texts[4] == 'check("mean_square", mean_square)' and texts[3] == SOLUTION
    assert not any("author" in text for text in texts)


def test_a_key_that_was_handed_in_is_thrown_away(small, tmp_path):
    """The course's key lies beside its source; any other one came from a student."""
    source_key, foreign = small.keys("small")[0], tmp_path / "other.key.json"
    shutil.copy(source_key, tmp_path)
    foreign.write_text("{}")
    graded(small, nbformat.read(small.student("small"), as_version=4), tmp_path)
    assert not foreign.exists() and (tmp_path / source_key.name).is_file()


def test_a_module_that_a_student_imports_is_named(small, tmp_path):
    shutil.copy(small.keys("small")[0], tmp_path)
    notebook = nbformat.read(small.student("small"), as_version=4)
    notebook.cells[3].source = "import not_there_at_all"
    with pytest.raises(GradingError, match="the submitted notebook imports not_there_at_all"):
        graded(small, notebook, tmp_path)


def test_a_student_s_own_kernel_is_not_asked_for(small, tmp_path):
    shutil.copy(small.keys("small")[0], tmp_path)
    notebook = nbformat.read(small.student("small"), as_version=4)
    notebook.metadata.kernelspec = {"display_name": "Mine", "language": "python", "name": "a_kernel_of_mine"}
    assert graded(small, notebook, tmp_path).metadata.kernelspec["name"] == "python3"


def test_a_key_of_another_source_is_an_error(small):
    write_source(small.folder, cells(solution=SOLUTION.replace("squares_of_all", "squares")))
    with pytest.raises(GradingError, match="small cannot be graded: its key is of another source"):
        examine(small.source("small"))


def test_a_key_of_another_version_is_an_error(small):
    from dataclasses import replace

    path = small.keys("small")[0]
    path.write_text(key_text(replace(read_key(path), library="0.0.1")))
    with pytest.raises(GradingError, match="made with deeprestore_lab 0.0.1, this machine has"):
        examine(small.source("small"))


def test_no_key_is_an_error(small):
    small.keys("small")[0].unlink()
    with pytest.raises(GradingError, match="small cannot be graded: no key"):
        examine(small.source("small"))


def test_a_module_that_fails_when_imported_counts_as_missing(small, monkeypatch):
    (small.source("small").parent / "broken.py").write_text("raise OSError('no such driver')")
    source = read_source(small.source("small"))
    notebook = {"cells": [{"cell_type": "code", "source": "import broken"}], "metadata": {}}
    with pytest.raises(GradingError, match="imports broken, which fails here .OSError: no such driver"):
        check_environment(source, notebook, folder=small.source("small").parent)


def test_a_python_that_does_not_start_is_an_error(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no Python >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(GradingError, match="does not start:\nno Python"):
        environment.probe(str(broken), ("torch",), tmp_path)


def test_without_nbgrader_it_is_said(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    with pytest.raises(GradingError, match="nbgrader is not installed"):
        examine(small.source("small"))


@pytest.mark.parametrize(
    ("outputs", "failed"),
    [
        ([("stdout", "right: mean_square\n")], False),
        ([("stdout", "working\nright: mean_square\n")], False),
        ([("stdout", "no line end; right: mean_square\n")], False),
        ([("stderr", "100 %\r"), ("stderr", "done"), ("stdout", "right: mean_square\n")], False),
        ([], True),
        ([("stdout", "mean_square <function>\n")], True),
        ([("stdout", "right: area\n")], True),
        ([("stdout", "right: mean_square_of_all\n")], True),
    ],
)
def test_a_check_that_said_nothing_has_failed(small, outputs, failed):
    notebook = nbformat.read(small.student("small"), as_version=4)
    check = notebook.cells[4]
    check.outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in outputs]
    confirmed(notebook, {})
    assert any(output.output_type == "error" for output in check.outputs) == failed
