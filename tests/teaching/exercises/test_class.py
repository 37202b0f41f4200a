"""A class is graded as nbgrader grades one notebook: the same marks in the same gradebook, and no zero by accident."""

from __future__ import annotations

import csv
import re
import shutil
import threading
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from deeprestore_lab.__main__ import app
from deeprestore_lab.course.exercises.keys import read_key
from deeprestore_lab.teaching.exercises import apart, class_run
from deeprestore_lab.teaching.exercises.build import Course, build, write
from deeprestore_lab.teaching.exercises.class_page import page_text
from deeprestore_lab.teaching.exercises.class_table import (
    BLANK,
    OTHER,
    RIGHT,
    SILENT,
    Row,
    counted,
    csv_text,
    judged,
    same_answers,
)
from deeprestore_lab.teaching.exercises.source import GradingError, read_source
from small_exercises import SOLUTION, solved, write_source

pytest.importorskip("nbgrader", reason="nbgrader comes with the extra `tests`, which `make test` installs")

CONFIG = Path(__file__).parents[3] / "exercises" / "nbgrader_config.py"
STUDENTS = {"1001": "Ada Lovelace", "1002": "Ben Li", "1003": "Cleo Noether", "1004": "Dan Hopper", "1005": "Eva Ray"}
VALUE = "area = torch.pi * 2  # forgot"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "course"
    write_source(folder)
    shutil.copy(CONFIG, folder)
    made = Course(folder)
    write(build("small", course=made))
    return made


def answered(course, **texts):
    """A solved notebook with other texts in the cells of these ids."""
    notebook = solved(course.student("small"), course.source("small"))
    for cell in notebook.cells:
        cell.source = texts.get(cell.id, cell.source)
    return notebook


def lay(folder, name, notebook):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / name)


@pytest.fixture
def came(course, tmp_path):
    """A folder of what came back: right, a mistake, blank, a loop, and nothing of the last."""
    folder = tmp_path / "came"
    lay(folder, "Ada Lovelace/small (1).ipynb", answered(course))
    wrong = answered(course, solution=SOLUTION.replace(".mean(", ".sum("), solution2=VALUE)
    lay(folder, "1002.ipynb", wrong)
    lay(folder, "1003/small.ipynb.txt", nbformat.read(course.student("small"), as_version=4))
    lay(folder, "1004_small.ipynb", answered(course, solution=SOLUTION + "\nwhile True:\n    pass"))
    return folder


def rows_of(course, out):
    with (out / "marks.csv").open(encoding="utf-8-sig") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def run(course, came, out, **settings):
    said = []
    found = class_run.run(came, "small", course=course, students=STUDENTS, jobs=2, out=out, say=said.append, **settings)
    return found, said


def test_a_class_in_one_call_and_a_second_that_grades_what_is_new(course, came, tmp_path, in_this_process):
    out = tmp_path / "out"
    found, said = run(course, came, out)
    assert found.ran == 4 and "4 notebooks of 5 students, 4 to grade" in said[0]
    rows = rows_of(course, out)
    assert [rows[each]["score"] for each in STUDENTS] == ["4", "0", "0", "", ""]
    assert [rows[each]["state"] for each in STUDENTS] == [
        "graded", "graded", "graded", "time-out", "nothing handed in",
    ]  # fmt: skip
    assert rows["1002"]["mean_square: found"] == "sums where it should average"
    assert rows["1002"]["area: found"] == "forgets the square"
    assert rows["1003"]["mean_square: found"] == rows["1003"]["area: found"] == BLANK
    assert found.problems == ["1004: time-out: small of 1004 cannot be graded: cell 4 did not end"]
    feedback = course.folder / "feedback"
    assert "sums where it should average" in (feedback / "1002" / "small" / "small.html").read_text()
    assert "cell 4 did not end" in (feedback / "1004" / "small" / "small.html").read_text()
    page = (out / "class.html").read_text()
    assert "feedback/1002/small/small.html" in page and not re.search(r"src=|https?://|<script", page)
    # nbgrader's own gradebook says the same
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}", "deeprestore_lab") as book:
        kept = {each.student.id: each.score for each in book.assignment_submissions("small")}
    assert kept["1001"] == 4 and kept["1002"] == 0

    again, said = run(course, came, out)
    assert again.ran == 0 and rows_of(course, out) == rows  # all is known, the time-out too
    lay(came, "1005.ipynb", answered(course))
    lay(came, "1002.ipynb", answered(course, solution2=VALUE))
    more, said = run(course, came, out)
    assert (
        more.ran == 2 and rows_of(course, out)["1002"]["score"] == "2" and rows_of(course, out)["1005"]["score"] == "4"
    )
    assert "answers equal to those of 1005" in rows_of(course, out)["1001"]["note"]

    mended = course.folder / "submitted" / "1004" / "small" / "small.ipynb"
    mended.write_text(mended.read_text().replace("while True:", "raise ValueError"))  # as the book says
    assert run(course, came, out)[0].ran == 1
    assert rows_of(course, out)["1004"]["state"] == "graded"


def test_what_had_no_mark_runs_again_when_asked(course, came, tmp_path, in_this_process):
    out = tmp_path / "out"
    assert run(course, came, out)[0].ran == 4
    assert run(course, came, out, again=True)[0].ran == 1
    assert run(course, came, out, timeout=7)[0].ran == 1
    assert run(course, came, out, timeout=7)[0].ran == 0


def test_a_run_that_was_stopped_keeps_what_it_had(course, came, tmp_path, in_this_process):
    def stop(line):
        if line.startswith("2/4"):
            raise KeyboardInterrupt

    settings = {"course": course, "students": STUDENTS, "jobs": 1, "out": tmp_path / "out"}
    with pytest.raises(KeyboardInterrupt):
        class_run.run(came, "small", say=stop, **settings)
    assert class_run.run(came, "small", say=str, **settings).ran == 2


def test_of_two_runs_that_begin_at_once_one_refuses_and_changes_nothing(course, came, tmp_path, in_this_process):
    """Both come with a notebook of the same student; what the refused one brought is nowhere, and the other has all."""
    other, begin, ends = tmp_path / "other", threading.Barrier(2), {}
    lay(other, "1001.ipynb", answered(course, solution2=VALUE))
    lay(other, "1005.ipynb", answered(course))

    def one(folder):
        begin.wait(timeout=30)
        try:
            ends[folder.name] = run(course, folder, tmp_path / f"out {folder.name}")[0]
        except GradingError as error:
            ends[folder.name] = error

    threads = [threading.Thread(target=one, args=(folder,)) for folder in (came, other)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    (refused,) = [name for name, end in ends.items() if isinstance(end, GradingError)]
    (kept,) = ends.keys() - {refused}
    assert str(ends[refused]).startswith(f"another `exercises grade` runs in {course.folder.resolve()}")
    assert not (tmp_path / f"out {refused}").exists()
    scores = {"came": {"1001": "4", "1005": ""}, "other": {"1001": "2", "1005": "4"}}[kept]
    rows = rows_of(course, tmp_path / f"out {kept}")
    assert {each: rows[each]["score"] for each in scores} == scores
    assert len(ends[kept].problems) == (kept == "came")  # the loop, and nothing of the other run
    again = {"came": came, "other": other}[refused]
    files = [path for path in again.rglob("*") if path.is_file()]
    assert run(course, again, tmp_path / f"out {refused}")[0].ran == len(files)  # its turn came


@pytest.mark.slow
def test_in_confined_processes(course, tmp_path):
    """Kernels as they are: an endless loop, a cell that leaves Python, one that looks at the network and the disk."""
    came, secret = tmp_path / "came", tmp_path / "secret.txt"
    secret.write_text("marks")
    lay(came, "1001.ipynb", answered(course))
    lay(came, "1002.ipynb", answered(course, last="while True:\n    pass"))
    lay(came, "1003.ipynb", answered(course, last="import os\nos._exit(3)"))
    look = f"import os, socket\nprint('sees', os.path.exists({str(secret)!r}))\n"
    look += "socket.create_connection(('1.1.1.1', 80), timeout=3)"
    lay(came, "1004.ipynb", answered(course, last=look))
    (tmp_path / "students.csv").write_text("id,name\n" + "".join(f"{a},{b}\n" for a, b in STUDENTS.items()))
    line = ["exercises", "grade", came, "--exercise", "small", "--roster", tmp_path / "students.csv"]
    line += ["--folder", course.folder, "--out", tmp_path / "out", "--jobs", "2", "--timeout", "40"]
    answer = CliRunner().invoke(app, [str(each) for each in line])
    assert answer.exit_code == 1, answer.output  # two are to be settled
    rows = rows_of(course, tmp_path / "out")
    assert [rows[each]["state"] for each in STUDENTS] == [
        "graded", "time-out", "kernel died", "graded", "nothing handed in",
    ]  # fmt: skip
    assert rows["1001"]["score"] == "4" and rows["1002"]["score"] == ""
    assert "cell 10 (`while True:`) did not end within 40 s" in rows["1002"]["note"]
    assert "cell 10 (`import os`) ended its kernel" in rows["1003"]["note"]
    if not apart.confinement.why_not():
        cell = nbformat.read(course.folder / "autograded" / "1004" / "small" / "small.ipynb", as_version=4).cells[9]
        assert cell.outputs[0].text == "sees False\n" and "unreachable" in cell.outputs[1].evalue


@pytest.fixture
def key(course):
    return read_key(course.key("small"))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("", RIGHT),
        ("mean_square: your answer takes a root at the end. Double the contrast.", "takes a root at the end"),
        ("mean_square: not written yet. Put your answer in place", BLANK),
        ("mean_square: the check did not run. Was `check` given", SILENT),
        ("mean_square: the shape should be (2,), it is ().", OTHER),
        ("mean_square: it raised ValueError", OTHER),
    ],
)
def test_what_a_check_s_words_mean(key, said, kind):
    assert judged(said, "mean_square", key) == kind


def test_equal_answers_are_noted_and_blank_ones_are_not():
    answers = {"a": ("x",), "b": ("x",), "c": ("",), "d": ("",), "e": ("y",)}
    assert same_answers(answers, blank=("",)) == {
        "a": "answers equal to those of b",
        "b": "answers equal to those of a",
    }


def test_the_tables_escape_what_students_wrote(course):
    source = read_source(course.source("small"))
    rows = [
        Row(
            "1",
            "=HYPERLINK(1)",
            "graded",
            marks={"mean_square": 2.0, "area": 0.0},
            found={"mean_square": RIGHT, "area": OTHER},
        ),
        Row("2", "<b>Ben</b>", "time-out", why="<script>alert(1)</script>", file="a<i>.ipynb"),
    ]
    found = list(csv.DictReader(csv_text(rows, source).splitlines()))
    assert found[0]["name"] == "'=HYPERLINK(1)" and (found[0]["score"], found[1]["score"]) == ("2", "")
    page = page_text(rows, source, unsorted={"<x>": "why"}, beside=["a.docx"], feedback="../{}/f.html")
    assert "<script>" not in page and "<b>Ben" not in page and "&lt;x&gt;" in page and "a.docx" in page
    assert counted(rows, source)["area"] == Counter({OTHER: 1})
