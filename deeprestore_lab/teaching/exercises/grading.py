"""Grading with nbgrader that never gives a zero for what is the machine's fault.

`exercises/nbgrader_config.py` puts these preprocessors around the one that runs the submitted notebook.
"""

from collections.abc import Callable
from pathlib import Path

from deeprestore_lab.teaching.exercises.source import (
    HIDDEN,
    GradingError,
    KernelGone,
    TimeUp,
    read_source,
    visible,
)
from deeprestore_lab.teaching.exercises.student import METADATA


def preprocessors(sources: Path, *, running: Callable | None = None) -> list[str | Callable]:
    """nbgrader's autograding steps with ours: the environment first, a run that has to reach its end, what was said.

    `running` runs a notebook in place of nbgrader's own step, as `exercises grade` does in a confined process.
    """
    from nbgrader.converters import Autograde

    def prepare(nb, resources):
        return prepared(nb, resources, sources=sources)

    theirs = Autograde.class_traits()["autograde_preprocessors"].default()
    names = [step.__name__ for step in theirs]
    place = names.index("Execute")
    return [*theirs[:place], prepare, running or _running(theirs[place]), confirmed, *theirs[place + 1 :]]


def _running(theirs: type) -> type:
    """nbgrader's step that runs a notebook, ending in `GradingError` where a cell does not end.

    Theirs interrupts the cell, lets the checks below fail, and gives 0 with a status of success: as for a wrong
    answer, though the machine may only have been slow. It has their name, and so the settings of `c.Execute`.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets import Bool

    class Execute(theirs):
        interrupt_on_timeout = Bool(False).tag(config=True)
        running = (0, "")

        def on_cell_execute(self, *, cell, cell_index):
            self.running = cell_index + 1, cell.source.strip().split("\n")[0]

        def preprocess(self, nb, resources, km=None):
            try:
                return super().preprocess(nb, resources, km)
            except (CellTimeoutError, DeadKernelError) as error:
                student, name = resources["nbgrader"].get("student", "?"), resources["nbgrader"]["notebook"]
                slow = self.timeout if isinstance(error, CellTimeoutError) else None
                raise stopped(f"{name} of {student}", *self.running, timeout=slow) from error

    return Execute


def stopped(who: str, place: int, first: str, *, timeout: float | None) -> GradingError:
    """The error for a notebook whose cell `place` did not end within `timeout` seconds; with None, ended its kernel."""
    what = f"{who} cannot be graded: cell {place} (`{first[:60]}`)"
    ask = "The book's page on teaching says what to do."
    if timeout is None:
        return KernelGone(f"{what} ended its kernel. Does it leave Python, or did memory run out? {ask}")
    why = "Is it an endless loop, or is this machine too slow?"
    return TimeUp(f"{what} did not end within {timeout:g} s. {why} {ask}")


def prepared(nb: dict, resources: dict, *, sources: Path) -> tuple[dict, dict]:
    """Check the environment, drop keys that were handed in, and leave the author's part out of what runs.

    Left in, it would overwrite names of the student's, and stand in the feedback. What runs is the kernel that was
    handed out, whatever the student's is called. Raises `GradingError` naming a module that the source or the
    notebook imports and that does not import here, and where the key was made from another source or by another
    version of the library.
    """
    from deeprestore_lab.teaching.exercises.environment import check_environment  # it imports torch

    names = resources["nbgrader"]
    path = sources / names["assignment"] / f"{names['notebook']}.ipynb"
    source = read_source(path)
    folder = Path(resources["metadata"]["path"]).resolve()
    for key in folder.glob("*.key.json"):
        if not (path.parent / key.name).is_file():
            key.unlink()
    nb["metadata"]["kernelspec"] = dict(METADATA["kernelspec"])
    for cell in nb["cells"]:
        if f"### BEGIN {HIDDEN}" in cell["source"] and cell["cell_type"] == "code":
            cell["source"] = visible(cell["source"])
    check_environment(source, nb, folder=folder)
    return nb, resources


def confirmed(nb: dict, resources: dict) -> tuple[dict, dict]:
    """After the run: a check that did not say that its task is right counts as failed, whatever `check` became."""
    for cell in nb["cells"]:
        grader = cell["metadata"].get("nbgrader", {})
        if not grader.get("grade") or cell["cell_type"] != "code":
            continue
        task = str(grader.get("grade_id")).removeprefix("check_")
        said = "\n".join(out.get("text", "") for out in cell["outputs"] if out["output_type"] == "stream")
        failed = any(out["output_type"] == "error" for out in cell["outputs"])
        right = any(line.endswith(f"right: {task}") for line in said.splitlines())  # an answer may print before it
        if not right and not failed:
            cell["outputs"].append(_no_word(task))
    return nb, resources


def _no_word(task: str) -> dict:
    from nbformat.v4 import new_output

    text = f"{task}: the check did not run. Was `check` given another meaning, or the cell left out?"
    return new_output("error", ename="CheckFailed", evalue=text, traceback=[text])
