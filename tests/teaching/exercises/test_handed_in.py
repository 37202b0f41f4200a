"""Files as browsers and people call them: known by their cells, and never taken for another exercise."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from deeprestore_lab.teaching.exercises.handed_in import put_in_place
from small_exercises import cells, write_source

CONFIG = Path(__file__).parents[3] / "exercises" / "nbgrader_config.py"


@pytest.fixture
def course(tmp_path):
    write_source(tmp_path)
    other = cells()
    for cell in other:
        cell.source = cell.source.replace("mean_square", "variance").replace("area", "volume")
        if grader := cell.metadata.get("nbgrader"):
            grader["grade_id"] = grader["grade_id"].replace("mean_square", "variance").replace("area", "volume")
    write_source(tmp_path, other, name="other")
    return tmp_path


def hand_in(course, *names, of="small"):
    """Files of these names, from one student, with the cells of an exercise; their folder."""
    folder = course / "submitted" / "ada" / "small"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(course / "source" / of / f"{of}.ipynb", folder / name)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "small (1).ipynb",  # Chrome and Edge
        "small(1).ipynb",  # Firefox
        "small-1.ipynb",  # Safari
        "small - Copy.ipynb",
        "small.ipynb.txt",
        "small.ipynb.json",
        "Small.IPYNB",
        "ada_lovelace.ipynb",
        "deeper/small.ipynb",
    ],
)
def test_the_one_notebook_of_the_exercise_gets_its_name(course, name):
    folder = hand_in(course, name)
    (folder / "notes.txt").write_text("no notebook")
    assert put_in_place(course) == []
    assert json.loads((folder / "small.ipynb").read_text()) and not (folder / name).exists()
    assert put_in_place(course) == []


def test_what_has_its_name_stays_and_nothing_means_nothing_was_handed_in(course):
    folder = hand_in(course, "small.ipynb")
    hand_in(course, ".ipynb_checkpoints/small-checkpoint.ipynb")
    hand_in(course, "other.ipynb", of="other")
    (course / "submitted" / "ben" / "small").mkdir(parents=True)
    assert put_in_place(course) == []
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["other.ipynb", "small.ipynb"]


def test_two_that_could_be_meant_are_left_to_a_person(course):
    folder = hand_in(course, "small.ipynb", "small (1).ipynb")
    (problem,) = put_in_place(course)
    assert problem.startswith("ada: more than one notebook of small was handed in: small (1).ipynb, small.ipynb.")
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"cells": []}', '{"cells": [{"metadata": null}]}'])
def test_another_exercise_or_a_damaged_file_is_never_taken_for_it(course, content):
    folder = hand_in(course, "small.ipynb", of="other")
    if content is not None:
        (folder / "small.ipynb").write_text(content)
    (problem,) = put_in_place(course)
    assert problem == (
        "ada: no notebook of small was handed in, but small.ipynb. Is it of another exercise, or damaged?"
    )
    hand_in(course, "mine.ipynb")
    (problem,) = put_in_place(course)
    assert problem.startswith("ada: small.ipynb is no notebook of small, but mine.ipynb is.")


@pytest.mark.parametrize("command", ["autograde", "export"])
def test_the_course_s_settings_stop_the_grading_and_no_other_command(course, monkeypatch, command):
    pytest.importorskip("nbgrader")
    from traitlets.config import Config

    hand_in(course, "small (1).ipynb", "small (2).ipynb")
    shutil.copy(CONFIG, course)
    monkeypatch.setattr(sys, "argv", ["nbgrader", command, "small"])
    monkeypatch.setenv("PATH", "")

    def run():
        return runpy.run_path(str(course / CONFIG.name), init_globals={"get_config": Config})

    if command == "autograde":
        with pytest.raises(SystemExit, match="Nothing was graded.\nada: more than one notebook of small"):
            run()
    else:
        assert run()["c"].Execute.timeout == 120
