from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deeprestore_lab import __version__
from deeprestore_lab.__main__ import app
from deeprestore_lab.teaching.exercises import environment
from small_exercises import CHECK, cells, write_source


@pytest.fixture
def run(tmp_path):
    write_source(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["exercises", *arguments, "--folder", str(tmp_path)])


def test_build_says_what_it_wrote_and_then_that_nothing_changed(run, tmp_path):
    answer = run("build")
    assert answer.exit_code == 0 and answer.stdout.startswith("small: wrote ")
    assert all(name in answer.stdout for name in ("small.ipynb", "small.key.json", "small.md"))
    assert run("build", "small").stdout == "small: nothing changed\n"


def test_build_fails_with_the_task_and_the_reason(run, tmp_path):
    write_source(tmp_path, cells(check=CHECK.replace("author.hints(", "print(")))
    answer = run("build")
    assert answer.exit_code == 1 and "mean_square: at least one hint" in answer.stderr
    assert run("build", "large").exit_code == 1


def test_doctor_says_whether_an_exercise_can_be_graded(run, monkeypatch):
    pytest.importorskip("nbgrader")
    told = {"deeprestore_lab": __version__, "torch": ""}  # as a new Python says: tests/exercises/test_grading.py
    monkeypatch.setattr(environment, "probe", lambda *asking: told)
    assert run("doctor").exit_code == 1  # not built yet
    assert run("build").exit_code == 0
    answer = run("doctor")
    assert answer.exit_code == 0 and answer.stdout == "small: can be graded here\n"
