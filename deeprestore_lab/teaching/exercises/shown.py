"""What the cells of an exercise print and draw once it is solved: the pictures of its page."""

import contextlib
import io
from pathlib import Path

from deeprestore_lab.course.exercises.authoring import Recorder
from deeprestore_lab.teaching.exercises.rehearsal import quietly, run_cell
from deeprestore_lab.teaching.exercises.source import Source, solution, text_of


def plain_cells(source: Source) -> list[int]:
    """The places of the code cells that belong to no task: they use the answers."""
    of_tasks = {place for task in source.tasks for place in (task.solution_at, task.check_at)}
    return [p for p, cell in enumerate(source.cells) if cell["cell_type"] == "code" and p not in of_tasks]


def solved_outputs(source: Source, *, folder: Path) -> dict[str, list[dict[str, str]]]:
    """By the id of a cell, what it shows with the solutions in place, in order: `{"text": ...}` and `{"html": ...}`.

    Cells that show nothing are left out. No answer is checked. Raises `SourceError` naming a cell that fails.
    """
    plain, namespace, found = set(plain_cells(source)), {"__name__": "__main__"}, {}
    solutions = {task.solution_at for task in source.tasks}
    with quietly(folder, Recorder()):
        for place, cell in enumerate(source.cells):
            text, name = text_of(cell), f"{source.name}, cell {place + 1}"
            if place in solutions:
                run_cell(solution(text), namespace, name=name)
            elif place in plain:
                if shown := _shown(text, namespace, name=name):
                    found[cell["id"]] = shown
    return found


def _shown(text: str, namespace: dict, *, name: str) -> list[dict[str, str]]:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        value = run_cell(text, namespace, name=name)
    shown = [{"text": said.getvalue().rstrip()}] if said.getvalue().strip() else []
    if hasattr(value, "_repr_html_"):
        shown.append({"html": value._repr_html_()})
    elif value is not None:
        shown.append({"text": repr(value)})
    return shown
