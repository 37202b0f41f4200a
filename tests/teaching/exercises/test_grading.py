"""nbgrader, run as an instructor runs it, on the small exercise."""

from __future__ import annotations

import csv
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from deeprestore_lab import __version__
from deeprestore_lab.course.exercises.keys import key_text, read_key
from deeprestore_lab.teaching.exercises import environment
from deeprestore_lab.teaching.exercises.build import Course, build, write
from deeprestore_lab.teaching.exercises.environment import check_environment, examine
from deeprestore_lab.teaching.exercises.grading import confirmed, prepared, preprocessors
from deeprestore_lab.teaching.exercises.source import GradingError, read_source
from small_exercises import SETUP, SOLUTION, cells, solved, write_source

pytest.importorskip("nbgrader", reason="nbgrader comes with the extra `tests`, which `make test` installs")

CONFIG = Path(__file__).parents[3] / "exercises" / "nbgrader_config.py"
COMMANDS = """
import json, sys
from nbgrader.apps.nbgraderapp import NbGraderApp
for command in json.loads(sys.argv.pop()):
    sys.argv[1:] = command
    try:
        NbGraderApp.launch_instance(command)
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else print(stop.code, file=sys.stderr) or 1
    NbGraderApp.clear_instance()
    print("status:", command[0], int(status or 0), flush=True)
"""


def nbgrader(course, *commands):
    """Run command lines of nbgrader, one after the other, in one process: starting takes longer than most of them.

    The status of each, by its first word, and what was said on the error channel.
    """
    command = [sys.executable, "-c", COMMANDS, json.dumps([line.split() for line in commands])]
    answer = subprocess.run(command, cwd=course.folder, capture_output=True, text=True)
    said = [line.split()[1:] for line in answer.stdout.splitlines() if line.startswith("status:")]
    assert len(said) == len(commands), answer.stderr
    return {name: int(status) for name, status in said}, answer.stderr


def hand_in(course, student, notebook, *, name="small.ipynb"):
    folder = course.folder / "submitted" / student / "small"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / name)


def marks(course):
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
    """A course where notebooks were handed in, and graded in one go, with what nbgrader said."""
    course = new_course(tmp_path_factory.mktemp("course"))
    student = nbformat.read(course.student("small"), as_version=4)
    good = solved(course.student("small"), course.source("small"))
    hand_in(course, "starter", student)
    hand_in(course, "solved", good, name="small (1).ipynb")
    half = nbformat.from_dict(json.loads(nbformat.writes(good)))
    half.cells[3].source = SOLUTION.replace(".mean(", ".sum(")
    del half.cells[4]  # the check of what is wrong: it runs all the same
    hand_in(course, "half", half)
    stranger = nbformat.from_dict(json.loads(nbformat.writes(good)))
    stranger.cells[3].source = "import not_there_at_all"
    hand_in(course, "stranger", stranger)
    commands = ("generate_assignment small", "autograde small", "generate_feedback small", "export")
    status, said = nbgrader(course, *commands)
    assert status == {"generate_assignment": 0, "autograde": 1, "generate_feedback": 0, "export": 0}, said
    return course, said


@pytest.mark.slow
def test_what_nbgrader_hands_out_is_the_student_notebook(course):
    course = course[0]
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
    found = marks(course[0])
    assert {student: found[student] for student in ("solved", "starter", "half")} == {
        "solved": (4, 4),
        "starter": (0, 4),
        "half": (2, 4),
    }


@pytest.mark.slow
def test_the_feedback_has_the_check_s_words_and_not_the_author_s(course):
    feedback = course[0].folder / "feedback"
    page = (feedback / "half" / "small" / "small.html").read_text()
    assert "sums where it should average" in page and "not written yet" not in page
    assert "takes a root at the end" not in page and "squares_of_all" in page  # its own code
    assert "squares_of_all" not in (feedback / "starter" / "small" / "small.html").read_text()


@pytest.mark.slow
def test_a_missing_module_is_an_error_that_names_it_and_no_mark(course):
    course, said = course
    assert "the submitted notebook imports not_there_at_all, which fails here (ModuleNotFoundError" in said
    assert "error processing assignment 'small' for student 'stranger'" in said
    assert not (course.folder / "autograded" / "stranger" / "small").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\nwhile True:\n    time.sleep(1)", "did not end within 8 s. Is it an endless loop, or"),
        ("x = 1\nos._exit(3)", "ended its kernel. Does it leave Python, or"),
    ],
    ids=["never ends", "ends Python"],
)
def test_a_cell_without_an_end_is_an_error_that_names_it_and_no_zero(tmp_path, text, words):
    """The step itself, as nbgrader would run it; that an error means no mark and a status of 1, the course shows."""
    (running,) = [step for step in preprocessors(tmp_path) if getattr(step, "__name__", "") == "Execute"]
    texts = ["import os, time", "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise", text, "print('a check')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in texts])
    resources = {"nbgrader": {"student": "ada", "notebook": "small"}, "metadata": {"path": str(tmp_path)}}
    with pytest.raises(GradingError, match=rf"small of ada cannot be graded: cell 3 \(`x = 1`\) {words}"):
        running(timeout=8, startup_timeout=180).preprocess(notebook, resources)
    assert notebook.cells[1].outputs[0].ename == "ZeroDivisionError"  # an error is the student's, and goes on


def test_the_settings_of_the_course_are_those_of_the_step(tmp_path):
    from traitlets.config import Config

    (running,) = [step for step in preprocessors(tmp_path) if getattr(step, "__name__", "") == "Execute"]
    assert running(config=Config(Execute={"timeout": 77})).timeout == 77


def test_nbgrader_s_commands_need_no_torch():
    code = "import sys; from deeprestore_lab.teaching.exercises import grading, handed_in; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.fixture
def small(tmp_path):
    return new_course(tmp_path / "course")


@pytest.fixture(autouse=True)
def modules_of_this_process(request, monkeypatch):
    """Modules are looked for in this process, which has torch: a new one would import it again for each test."""

    def probe(python, modules, folder):
        place, report = [str(folder)] if folder else [], {}
        with monkeypatch.context() as patch:
            patch.setattr(sys, "path", place + sys.path)
            for name in modules:
                try:
                    report[name] = getattr(importlib.import_module(name), "__version__", "")
                except Exception as error:
                    report[name] = [f"{type(error).__name__}: {error}"]
        return report

    monkeypatch.setattr(environment, "probe", probe)


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


def test_a_module_of_the_exercise_is_named(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    course = new_course(tmp_path / "course", setup=f"{SETUP}\nimport only_here")
    assert examine(course.source("small")) is None
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, "only_here")
    source = read_source(course.source("small"))
    monkeypatch.setattr(
        environment, "probe", lambda python, modules, folder: {m: ["gone"] for m in modules if "_h" in m}
    )
    with pytest.raises(GradingError, match=r"the exercise imports only_here, which fails here \(gone\)"):
        check_environment(source, {"cells": [], "metadata": {}}, folder=course.source("small").parent)


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


PROBE = environment.probe  # as it is, before the fixture above


def test_what_a_new_python_cannot_import_is_told_with_the_reason(tmp_path):
    (tmp_path / "broken.py").write_text("raise OSError('no such driver')")
    (tmp_path / "beside.py").write_text("__version__ = '7'")
    report = PROBE(sys.executable, ("broken", "beside", "json", "not_there_at_all"), tmp_path)
    assert report["broken"] == ["OSError: no such driver"] and report["beside"] == "7"
    assert "No module named" in report["not_there_at_all"][0] and isinstance(report["json"], str)
    assert "No module named" in PROBE(sys.executable, ("beside",), None)["beside"][0]


def test_notebooks_without_modules_beside_them_share_one_answer(small, tmp_path, monkeypatch):
    """Importing torch for each student would take longer than grading."""
    asked = []
    monkeypatch.setattr(environment, "probe", lambda *asking: asked.append(asking) or {"deeprestore_lab": __version__})
    source = read_source(small.source("small"))
    for student in ("ada", "ben", "cleo"):
        folder = tmp_path / student
        folder.mkdir()
        shutil.copy(small.keys("small")[0], folder)
        (folder / "cleo.py").write_text("") if student == "cleo" else None
        check_environment(source, {"cells": [], "metadata": {}}, folder=folder)
    assert asked[0] == asked[1] and asked[0][2] is None and asked[2][2] == tmp_path / "cleo"


def test_a_python_that_does_not_start_is_an_error(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no Python >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(GradingError, match="does not start:\nno Python"):
        PROBE(str(broken), ("torch",), tmp_path)


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
