"""Run a submitted notebook in a confined process: its kernel, and what drives it, see one folder and no network."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deeprestore_lab.teaching.exercises.grading import stopped
from deeprestore_lab.teaching.exercises.inside import RESULT, STARTUP
from deeprestore_lab.teaching.exercises.source import GradingError, KernelGone, TimeUp
from deeprestore_lab.teaching.submission import confinement
from deeprestore_lab.teaching.submission.storage import remove

ROOT = Path(__file__).resolve().parents[3]
CODE = "import sys; sys.path.insert(0, {!r}); from deeprestore_lab.teaching.exercises import inside; inside.main()"
CELLS = 5  # a whole notebook may take so many times what one cell may
LARGEST = 60_000_000  # bytes of what the process writes


@dataclass(frozen=True)
class Job:
    """A notebook to run, as text, with the files that lie beside it: all that another machine needs."""

    notebook: str
    beside: dict[str, bytes]
    timeout: float
    memory: int


@dataclass(frozen=True)
class Done:
    """How a job ended ("ended", or what it ran out of), what its process wrote (None: nothing), and its last line."""

    end: str
    answer: dict | None
    last: str


def executed(
    nb: dict,
    resources: dict,
    *,
    timeout: float,
    memory: int = 4_000_000_000,
    spent: list[float] | None = None,
    by: Callable[[Job], Done] | None = None,
) -> tuple[dict, dict]:
    """A notebook with the outputs of its cells: what nbgrader's step `Execute` gives, from a confined process.

    It runs in a fresh folder with the files that lie beside it, for `timeout` seconds a cell and five times that in
    all. `by` runs it in place of `run_job`, on another machine say. Nothing but outputs is taken over from the process;
    its CPU seconds are added to `spent`.

    Raises `TimeUp` or `KernelGone` naming the student and the cell, `GradingError` where the process gave no answer.
    """
    who = f"{resources['nbgrader']['notebook']} of {resources['nbgrader'].get('student', '?')}"
    files = [path for path in Path(resources["metadata"]["path"]).iterdir() if path.is_file()]
    beside = {path.name: path.read_bytes() for path in files if path.suffix != ".ipynb"}
    done = (by or run_job)(Job(json.dumps(nb), beside, timeout, memory))
    if done.end == "time":
        raise TimeUp(f"{who} cannot be graded: all of its cells together did not end within {_seconds(timeout):g} s")
    if done.end != "ended":
        raise KernelGone(f"{who} cannot be graded: it went beyond its limit of {done.end}")
    answer = done.answer
    if answer and spent is not None:
        spent.append(answer["cpu"])
    if answer and "stopped" in answer:
        raise stopped(who, *answer["stopped"], timeout=timeout if answer["slow"] else None)
    if answer is None or len(answer["outputs"]) != len(nb["cells"]):
        raise GradingError(f"{who} cannot be graded: the process that runs it gave no answer ({done.last})")
    for cell, outputs, count in zip(nb["cells"], answer["outputs"], answer["counts"], strict=True):
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = outputs, count
    return nb, resources


def run_job(job: Job) -> Done:
    """Run a notebook on this machine, in a fresh folder that goes afterwards."""
    limits = confinement.Limits(
        seconds=_seconds(job.timeout), memory=job.memory, file_size=LARGEST, processes=16, sockets=True
    )
    folder = Path(tempfile.mkdtemp(prefix="grading-"))
    try:
        for name, data in job.beside.items():
            (folder / Path(name).name).write_bytes(data)
        asked = json.dumps({"timeout": job.timeout, "notebook": json.loads(job.notebook)}).encode()
        outcome = confinement.run(["-I", "-c", CODE.format(str(ROOT))], folder=folder, limits=limits, given=asked)
        answer = _answer(folder / RESULT)
    finally:
        remove(folder)
    last = (outcome.output.strip().splitlines() or ["it said nothing"])[-1]
    return Done(outcome.end, answer, last)


def _seconds(timeout: float) -> float:
    """What all cells together may take."""
    return CELLS * timeout + STARTUP


def _answer(path: Path) -> dict | None:
    """What the process wrote; None for what is none. Outputs that are no outputs count as none."""
    import nbformat

    try:
        if path.is_symlink() or path.stat().st_size > LARGEST:
            return None
        said = json.loads(path.read_text(encoding="utf-8"))
        if "stopped" in said:
            place, first = said["stopped"]
            return {"stopped": (int(place), str(first)), "slow": bool(said["slow"]), "cpu": float(said["cpu"])}
        made = [[nbformat.from_dict(output) for output in outputs] for outputs in said["outputs"]]
        for output in (each for outputs in made for each in outputs):
            nbformat.v4.nbbase.validate(output, ref="output")
        counts = [None if n is None else int(n) for n in said["counts"]]
        return {"outputs": made, "counts": counts, "cpu": float(said["cpu"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, nbformat.ValidationError):
        return None
