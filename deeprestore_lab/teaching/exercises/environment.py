"""Whether a machine can grade an exercise: the modules it needs, the library's version, the key of its source."""

import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from deeprestore_lab.course.exercises.keys import Key, find_key, read_key
from deeprestore_lab.teaching.exercises.imports import imported
from deeprestore_lab.teaching.exercises.source import GradingError, Source, read_source, text_of, visible

PROBE = """
import importlib, json, sys
report = {}
for name in json.loads(sys.argv[1]):
    try:
        module = importlib.import_module(name)
        report[name] = getattr(module, "__version__", "")
    except Exception as error:
        report[name] = [type(error).__name__ + ": " + str(error)]
print(json.dumps(report))
"""


def examine(path: Path) -> None:
    """Raise `GradingError` where this machine cannot grade the exercise of a source notebook."""
    try:
        import nbgrader  # noqa: F401
    except ImportError:
        raise GradingError(
            "nbgrader is not installed here: `make exercises` does it, or the extra `teaching`"
        ) from None
    if not path.is_file():
        raise GradingError(f"there is no source {path}")
    source = read_source(path)
    check_environment(source, {"cells": [], "metadata": {}}, folder=path.parent.resolve())


def check_environment(source: Source, nb: dict, *, folder: Path) -> None:
    """Raise `GradingError` where the kernel's Python lacks a module, or has another library than the key."""
    try:
        key = read_key(find_key(source.name, folder=folder))
    except (FileNotFoundError, ValueError) as error:
        raise GradingError(f"{source.name} cannot be graded: {error}") from error
    check_key(key, source)
    needed = imported(visible_texts(source))
    also = imported([text_of(cell) for cell in nb["cells"] if cell["cell_type"] == "code"])
    python = kernel_python(nb["metadata"].get("kernelspec", {}).get("name", "python3"))
    beside = any(folder.glob("*.py")) or any(folder.glob("*/__init__.py"))  # modules that a student handed in
    report = probe(python, tuple(sorted({"deeprestore_lab", *needed, *also})), folder if beside else None)
    for name, found in report.items():
        if isinstance(found, list):
            who = "the exercise" if name in needed else "the submitted notebook"
            raise GradingError(f"{source.name} cannot be graded: {who} imports {name}, which fails here ({found[0]})")
    if report["deeprestore_lab"] != key.library:
        raise GradingError(
            f"{source.name} cannot be graded: its key was made with deeprestore_lab {key.library}, this machine has "
            f"{report['deeprestore_lab']}. Install that version, or build the exercise again."
        )


def check_key(key: Key, source: Source) -> None:
    """Raise `GradingError` where a key was not made from this source."""
    if {name: task.digest for name, task in key.tasks.items()} != {t.name: source.digest(t) for t in source.tasks}:
        raise GradingError(f"{source.name} cannot be graded: its key is of another source. Build the exercise again.")


def visible_texts(source: Source) -> list[str]:
    """The code of a source without the authors' parts."""
    checks = {task.check_at for task in source.tasks}
    cells = [(place, text_of(cell)) for place, cell in enumerate(source.cells) if cell["cell_type"] == "code"]
    return [visible(text) if place in checks else text for place, text in cells]


def kernel_python(name: str) -> str:
    """The interpreter that a kernel runs."""
    from jupyter_client.manager import KernelManager

    return KernelManager(kernel_name=name).format_kernel_cmd()[0]


@cache
def probe(python: str, modules: tuple[str, ...], folder: Path | None) -> dict[str, str | list[str]]:
    """For each module its version, or in a list why it cannot be imported, by the interpreter that will run it.

    Modules may also lie in `folder`. With None they lie elsewhere, and all notebooks share one answer: importing torch
    for each would take longer than grading it. Raises `GradingError` where the interpreter does not start.
    """
    command = [python, "-c", PROBE, json.dumps(modules)]
    with tempfile.TemporaryDirectory() as nothing:
        answer = subprocess.run(command, cwd=folder or nothing, capture_output=True, text=True, encoding="utf-8")
    if answer.returncode:
        raise GradingError(f"the kernel's Python, {python}, does not start:\n{answer.stderr.strip()}")
    return json.loads(answer.stdout.splitlines()[-1])
