"""Cells lifted out of a source: each gives the very numbers that the key keeps of its misconception."""

from __future__ import annotations

from pathlib import Path

import pytest

from deeprestore_lab.course.exercises.authoring import Recorder
from deeprestore_lab.course.exercises.compare import is_right
from deeprestore_lab.course.exercises.diagnosis import recognised
from deeprestore_lab.course.exercises.keys import find_key, read_key
from deeprestore_lab.course.exercises.running import parts_of, run
from deeprestore_lab.teaching.exercises.build import Course
from deeprestore_lab.teaching.exercises.rehearsal import make_key, quietly, run_cell
from deeprestore_lab.teaching.exercises.source import SourceError, read_source, text_of
from deeprestore_lab.teaching.exercises.wrong_answers import right_cell, wrong_cells
from small_exercises import CHECK, cells, write_source

COURSE = Course(Path(__file__).parents[3] / "exercises")


def outcomes(source, key, folder):
    """By task and kind of answer (None: right) what the check would say; earlier tasks are left open."""
    namespace, found = {}, {}
    with quietly(folder, Recorder()):
        for cell in source.cells[: source.tasks[0].solution_at]:
            if cell["cell_type"] == "code":
                run_cell(text_of(cell), namespace, name="before the tasks")
        for task in source.tasks:
            known = key.tasks[task.name]
            for kind, text in [(None, right_cell(source, task)), *wrong_cells(source, task).items()]:
                own = dict(namespace)
                run_cell(text, own, name=f"{task.name}: {kind}")
                answers = run(own[task.name], known.cases) if known.is_function else [parts_of(own[task.name])]
                wrong = recognised(answers, known)
                right = is_right(answers, known.expected, tolerance=known.tolerance)
                found[task.name, kind] = "right" if right else wrong and wrong.name
                assert set(own) - set(namespace) <= {task.name, f"answer_of_{task.name}", "__builtins__"}
    return found


@pytest.mark.parametrize("name", COURSE.names())
def test_each_wrong_answer_of_the_course_comes_with_its_helpers(name):
    source, key = read_source(COURSE.source(name)), read_key(find_key(name))
    found = outcomes(source, key, COURSE.source(name).parent)
    expected = {(task, wrong.name): wrong.name for task, known in key.tasks.items() for wrong in known.misconceptions}
    assert found == expected | {(task, None): "right" for task in key.tasks}


def test_helpers_values_and_the_solution_itself_are_lifted(tmp_path):
    """A wrong answer that calls a helper, which calls the solution; and answers that are values."""
    helper = """\
half = 0.5


def halves(x):
    return half * mean_square(x)


@author.misconception("halves it", hint="Why?")
def halved(x):
    return halves(x)


@author.misconception("sums where"""
    text = CHECK.replace('@author.misconception("sums where', helper)
    path = write_source(tmp_path, cells(check=text))
    source = read_source(path)
    key = make_key(source, folder=path.parent)
    found = outcomes(source, key, tmp_path)
    assert all(said == (kind or "right") for (_, kind), said in found.items())
    assert ("mean_square", "halves it") in found and ("area", "forgets the square") in found


def test_a_form_that_nobody_knows_is_named(tmp_path):
    text = CHECK.replace("@author.misconception(", "@(lambda *a, **k: author.misconception(*a, **k))(")
    source = read_source(write_source(tmp_path, cells(check=text)))
    with pytest.raises(SourceError, match="mean_square: no misconception is a decorated function"):
        wrong_cells(source, source.tasks[0])
