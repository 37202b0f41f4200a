"""The student notebook against nbgrader's own steps, and without a word of what is kept from students."""

from __future__ import annotations

import json

import nbformat
import pytest

from deeprestore_lab.teaching.exercises.source import read_source
from deeprestore_lab.teaching.exercises.student import student_text
from small_exercises import write_source


@pytest.fixture
def student(tmp_path):
    return nbformat.reads(student_text(read_source(write_source(tmp_path))), as_version=4)


def test_it_is_a_valid_notebook_without_outputs(student):
    nbformat.validate(student)
    assert all(not cell.outputs and cell.execution_count is None for cell in student.cells if cell.cell_type == "code")


def test_its_cells_are_those_nbgrader_makes(student, tmp_path):
    steps = pytest.importorskip("nbgrader.preprocessors")
    expected, resources = nbformat.read(write_source(tmp_path), as_version=4), {}
    for step in (steps.LockCells, steps.ClearSolutions, steps.ClearOutput, steps.ClearHiddenTests):
        expected, resources = step().preprocess(expected, resources)
    assert [cell.source for cell in student.cells] == [cell.source for cell in expected.cells]
    assert [cell.metadata for cell in student.cells] == [cell.metadata for cell in expected.cells]
    assert [cell.id for cell in student.cells] == [cell.id for cell in expected.cells]


def test_it_holds_no_solution_and_no_misconception(student):
    text = json.dumps(student)
    for secret in ("squares_of_all", "torch.pi", "misconception", "hints", "Double the image", "author", "def sums"):
        assert secret not in text
    assert text.count("YOUR CODE HERE") == 2
