"""The student notebook of a source: starters in place of solutions, checks without the author's part, no outputs."""

import json

from deeprestore_lab.teaching.exercises.source import STUB, Source, starter, text_of, visible

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def student_text(source: Source) -> str:
    """The text of the student notebook's file. Its cells are those of `nbgrader generate_assignment`."""
    solutions = {task.solution_at for task in source.tasks}
    checks = {task.check_at for task in source.tasks}
    cells = []
    for place, cell in enumerate(source.cells):
        text, metadata = text_of(cell), dict(cell["metadata"])
        if place in solutions:
            text, metadata = starter(text), metadata | {"deletable": False}
        if place in checks:
            text, metadata = visible(text), metadata | {"deletable": False, "editable": False}
        cells.append(_cell(cell, text, metadata))
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def is_worked_in(text: str) -> bool:
    """Whether somebody ran a student notebook, or wrote an answer into it: what is built has no outputs, and stubs."""
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return False
    ran = any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    gaps = [text_of(cell) for cell in cells if cell["metadata"].get("nbgrader", {}).get("solution")]
    return ran or not all(line in gap for line in STUB for gap in gaps)


def _cell(cell: dict, text: str, metadata: dict) -> dict:
    made = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": metadata}
    made["source"] = text.splitlines(keepends=True)
    return made | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})
