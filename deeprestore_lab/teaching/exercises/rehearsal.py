"""Run a source notebook from top to bottom and make its key from what its solutions return."""

import ast
import contextlib
import io
import linecache
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from deeprestore_lab.course.exercises.authoring import Author, Recorder, recorder
from deeprestore_lab.course.exercises.keys import Key, Task
from deeprestore_lab.teaching.exercises.source import Source, SourceError, SourceTask, hidden, starter, text_of, visible
from deeprestore_lab.teaching.exercises.task_key import make_task


def make_key(source: Source, *, folder: Path) -> Key:
    """The key of a source. Raises `SourceError` naming the task where a check would tell less than it should."""
    from deeprestore_lab import __version__

    tasks: dict[str, Task] = {}

    def add(task: SourceTask, answer: object, author: Author) -> None:
        try:
            tasks[task.name] = make_task(answer, author, digest=source.digest(task))
        except SourceError as error:
            raise SourceError(f"{task.name}: {error}") from error

    perform(source, folder=folder, each=add)
    return Key(source.name, __version__, tasks)


def perform(source: Source, *, folder: Path, each: Callable[[SourceTask, object, Author], None]) -> None:
    """Run the cells of a source in one namespace, in its folder, and hand each task with its answer to `each`.

    Raises `SourceError` naming the cell that fails, and the task whose author says nothing.
    """
    listening, namespace = Recorder(), {"__name__": "__main__"}
    by_check = {task.check_at: task for task in source.tasks}
    by_solution = {task.solution_at: task for task in source.tasks}
    with quietly(folder, listening):
        for place, cell in enumerate(source.cells):
            if cell["cell_type"] != "code":
                continue
            if place in by_solution:
                _run_starter(source, by_solution[place], namespace)
            text, name = text_of(cell), f"{source.name}, cell {place + 1}"
            if place not in by_check:
                run_cell(text, namespace, name=name)
                continue
            task = by_check[place]
            run_cell(visible(text), namespace, name=name)
            run_cell(hidden(text), dict(namespace), name=name)  # what stands there is not there for the cells below
            if task.name not in listening.authors:
                raise SourceError(f"{task.name}: its check lacks the author's part, check.author({task.name!r})")
            seed()
            each(task, listening.answers[task.name], listening.authors[task.name])
    if listening.name != source.name:
        raise SourceError(f"{source.name}: its cells must make Checks({source.name!r}), not {listening.name!r}")


def _run_starter(source: Source, task: SourceTask, namespace: dict) -> None:
    """What a student starts with must define the name, else the check fails without a word of ours."""
    trial = dict(namespace)
    trial.pop(task.name, None)
    text = starter(text_of(source.cells[task.solution_at]))
    with contextlib.suppress(NotImplementedError):
        exec(compile(text, f"{source.name}, {task.name}", "exec"), trial)
    if task.name not in trial:
        raise SourceError(f"{task.name}: its starter must define it; above the solution write `{task.name} = None`")


def run_cell(text: str, namespace: dict, *, name: str) -> object:
    """Run the text of a cell; the value of its last line, where that is an expression, as a notebook would show it.

    Raises `SourceError` naming the cell where it fails.
    """
    lines = text.splitlines(keepends=True)
    linecache.cache[name] = (len(text), None, lines, name)
    try:
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), namespace)
        return eval(compile(ast.Expression(last.value), name, "eval"), namespace) if last else None
    except Exception as error:
        raise SourceError(f"{name} does not run: {type(error).__name__}: {error}") from error


def seed() -> None:
    """Start every random generator again, so that a source gives the same key each time."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@contextlib.contextmanager
def quietly(folder: Path, listening: Recorder) -> Iterator[None]:
    """Listen to the source, in its folder, with nothing shown; what was there before comes back."""
    import matplotlib

    backend, random_state, threads = matplotlib.get_backend(), torch.get_rng_state(), torch.get_num_threads()
    states = random.getstate(), np.random.get_state()
    here, token = os.getcwd(), recorder.set(listening)
    try:
        os.chdir(folder)
        matplotlib.use("Agg")
        torch.set_num_threads(1)  # sums in one order
        seed()
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        recorder.reset(token)
        os.chdir(here)
        matplotlib.pyplot.close("all")
        matplotlib.use(backend)
        torch.set_num_threads(threads)
        torch.set_rng_state(random_state)
        random.setstate(states[0])
        np.random.set_state(states[1])
