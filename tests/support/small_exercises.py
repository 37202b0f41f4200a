"""A small exercise for the tests: two tasks, a function and a value, in a course of its own."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NAME = "small"
INTRO = "# A small exercise\n\nTwo things to write."
SETUP = f'import torch\n\nimport deeprestore_lab as drl\n\ncheck = drl.exercises.Checks("{NAME}")'
TASK = "## 1. Mean of squares\n\nWrite `mean_square(x)`."
SOLUTION = '''\
def mean_square(x):
    """The mean of the squares of an image, (N,)."""
    ### BEGIN SOLUTION
    squares_of_all = x * x
    return squares_of_all.mean((1, 2, 3))
    ### END SOLUTION'''
CHECK = """\
check("mean_square", mean_square)
### BEGIN HIDDEN TESTS
author = check.author("mean_square")
author.cases(lambda: [(torch.rand(2, 3, 4, 5),), (torch.rand(1, 1, 3, 2) - 0.5,)])
author.hints("Which dimensions?", "Try an image of one pixel.")


@author.misconception("sums where it should average", hint="Double the image.")
def sums(x):
    return x.square().sum((1, 2, 3))


@author.misconception("takes a root at the end", hint="Double the contrast.")
def root(x):
    return x.square().mean((1, 2, 3)).sqrt()


@author.misconception("averages over the batch too", hint="Count your numbers.")
def one_number(x):
    return x.square().mean()
### END HIDDEN TESTS"""
VALUE_SOLUTION = """\
area = None  # the area of a circle of radius 2
### BEGIN SOLUTION
area = torch.pi * 2**2
### END SOLUTION"""
VALUE_CHECK = """\
check("area", area)
### BEGIN HIDDEN TESTS
author = check.author("area")
author.hints("Draw the square around it.")
author.misconception("takes the diameter", hint="Which length is 2?")(
    lambda: torch.pi * 4**2
)
author.misconception("forgets the square", hint="What are its units?")(
    lambda: torch.pi * 2
)
author.misconception("gives the circumference's half twice", hint="Is it a length?")(
    lambda: 3 * torch.pi * 2
)
### END HIDDEN TESTS"""
USE = "shown = mean_square(torch.ones(1, 1, 2, 2))"


def cells(**other: str) -> list:
    """The cells of the exercise; a keyword replaces the text of the cell with that id."""

    def text(name: str, default: str) -> str:
        return other.get(name, default)

    def grader(name: str, *, solution: bool) -> dict:
        common = {"schema_version": 3, "task": False, "grade_id": name, "solution": solution}
        return common | (
            {"grade": False, "locked": False} if solution else {"grade": True, "locked": True, "points": 2}
        )

    made = [
        new_markdown_cell(text("intro", INTRO), id="intro"),
        new_code_cell(text("setup", SETUP), id="setup"),
        new_markdown_cell(text("task", TASK), id="task", metadata={"tags": ["task"]}),
        new_code_cell(
            text("solution", SOLUTION),
            id="solution",
            metadata={"nbgrader": grader("mean_square", solution=True)},
        ),
        new_code_cell(
            text("check", CHECK), id="check", metadata={"nbgrader": grader("check_mean_square", solution=False)}
        ),
        new_code_cell(text("use", USE), id="use", metadata={"tags": ["uses-answer"]}),
        new_markdown_cell("## 2. A circle\n\nSet `area`.", id="task2", metadata={"tags": ["task"]}),
        new_code_cell(
            text("solution2", VALUE_SOLUTION), id="solution2", metadata={"nbgrader": grader("area", solution=True)}
        ),
        new_code_cell(
            text("check2", VALUE_CHECK), id="check2", metadata={"nbgrader": grader("check_area", solution=False)}
        ),
        new_code_cell(text("last", "twice = 2"), id="last"),
    ]
    return made


def write_source(folder: Path, made: list | None = None, *, name: str = NAME) -> Path:
    """Write the source into a course folder, and return its path."""
    path = folder / "source" / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=made or cells(), metadata=metadata), path)
    return path


def solved(student: Path, source: Path) -> nbformat.NotebookNode:
    """A student notebook with the solutions of its source written into it."""
    notebook, answers = (nbformat.read(path, as_version=4) for path in (student, source))
    texts = {cell.id: cell.source for cell in answers.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    for cell in notebook.cells:
        cell.source = texts.get(cell.id, cell.source)
    return notebook
