"""A class that is made up is graded as its truth says: every mark, every misconception, every file with a trouble."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deeprestore_lab.__main__ import app
from deeprestore_lab.teaching.exercises import class_run, pretended
from deeprestore_lab.teaching.exercises.build import Course, build, write
from deeprestore_lab.teaching.exercises.class_comparison import compared
from deeprestore_lab.teaching.exercises.class_table import BLANK, RIGHT
from deeprestore_lab.teaching.exercises.pretended import TROUBLES, pretend
from deeprestore_lab.teaching.roster import read_roster
from small_exercises import write_source

pytest.importorskip("nbgrader", reason="nbgrader comes with the extra `tests`, which `make test` installs")

OWN = Course(Path(__file__).parents[3] / "exercises")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretended") / "course"
    write_source(folder)
    shutil.copy(OWN.folder / "nbgrader_config.py", folder)
    write(build("small", course=Course(folder)))
    return Course(folder)


def graded(name, course, folder, out):
    """The marks of a class, after what was late came too, and the first call's."""
    given = {"course": course, "students": read_roster(folder / "students.csv"), "out": out, "jobs": 1, "say": str}
    first = class_run.run(folder / "came_back", name, **given)
    shutil.copytree(folder / "late", folder / "came_back", dirs_exist_ok=True)
    return class_run.run(folder / "came_back", name, **given), first


def test_every_mark_misconception_and_trouble_is_that_of_the_truth(small, tmp_path, in_this_process, monkeypatch):
    monkeypatch.setattr(pretended, "EACH", 2)  # each trouble once in so few
    rows = pretend(tmp_path / "class", "small", course=small, students=2 * len(TROUBLES), seed=2)
    assert {row.note for row in rows} == {"", *TROUBLES}
    kinds = {kind for row in rows for kind in row.found.values()}
    assert {RIGHT, BLANK} < kinds and len(kinds) > 5
    found, first = graded("small", small, tmp_path / "class", tmp_path / "out")
    assert compared(tmp_path / "class" / "truth.csv", tmp_path / "out" / "marks.csv") == []
    assert (first.ran, found.ran) == (9, 1)  # of 14: nothing of one, one damaged, one twice, one of nobody; one late
    whole = " ".join(found.problems)
    assert all(f": {word}: " in whole for word in ("time-out", "kernel died", "damaged", "several"))
    assert "no student of the roster is named in it" in whole


@pytest.mark.slow
def test_tasks_that_call_earlier_ones_are_marked_by_themselves(tmp_path, in_this_process):
    """Chapter 13's third task calls the second one's answer; the notebooks are those of the course."""
    course = Course(tmp_path / "course")
    shutil.copytree(OWN.folder / "source" / "13_generators", course.source("13_generators").parent)
    shutil.copy(OWN.folder / "nbgrader_config.py", course.folder)
    shutil.copy(OWN.keys("13_generators")[0], course.keys("13_generators")[0])
    pretend(tmp_path / "class", "13_generators", course=course, students=8)
    graded("13_generators", course, tmp_path / "class", tmp_path / "out")
    assert compared(tmp_path / "class" / "truth.csv", tmp_path / "out" / "marks.csv") == []


def test_the_same_numbers_give_the_same_class_and_another_seed_another(small, tmp_path):
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        pretend(tmp_path / folder, "small", course=small, students=12, seed=seed)
    a, b, c = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")
         if path.is_file()} for folder in "abc"
    )  # fmt: skip
    assert a == b and a != c and len(read_roster(tmp_path / "a" / "students.csv")) == 12


@pytest.mark.parametrize(
    ("students", "name", "words"), [(0, "small", "1 to 300 students, got 0"), (3, "large", "there is no source")]
)
def test_what_cannot_be_made_up_is_refused(small, tmp_path, students, name, words):
    with pytest.raises(ValueError, match=words):
        pretend(tmp_path / "class", name, course=small, students=students)
    assert not (tmp_path / "class").exists()


def test_a_folder_with_something_in_it_is_left_alone(small, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="has something in it"):
        pretend(tmp_path, "small", course=small)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_commands_make_a_class_and_name_each_difference(small, tmp_path):
    run = CliRunner().invoke
    line = ["exercises", "pretend", tmp_path / "class", "--exercise", "small", "--folder", small.folder]
    answer = run(app, [str(each) for each in [*line, "--students", "8"]])
    assert answer.exit_code == 0 and "small: a class of 8; troubles: " in answer.stdout, answer.output
    assert run(app, [str(each) for each in line]).exit_code == 1  # it is there already
    truth, marks = tmp_path / "class" / "truth.csv", tmp_path / "marks.csv"
    with truth.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    changed = next(row for row in rows if row["state"] == "graded")
    gone = next(row for row in rows if row is not changed)
    changed["area"], changed["file"] = "7", "elsewhere.ipynb"
    with marks.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in rows if row is not gone)
    assert run(app, ["exercises", "compare", str(truth), str(truth)]).exit_code == 0
    answer = run(app, ["exercises", "compare", str(truth), str(marks)])
    assert answer.exit_code == 1 and len(answer.stderr.splitlines()) == 2
    assert f"{gone['id']}: in truth.csv alone" in answer.stderr and f"{changed['id']}: area: " in answer.stderr
    marks.write_text("what,ever\n1,2\n")
    assert "is no table of marks" in run(app, ["exercises", "compare", str(truth), str(marks)]).stderr
