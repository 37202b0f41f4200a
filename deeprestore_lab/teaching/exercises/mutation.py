"""Which changed solutions the check of an exercise takes for right: what it leaves unchecked."""

import contextlib
import io
import signal
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deeprestore_lab.course.exercises.authoring import Recorder
from deeprestore_lab.course.exercises.compare import is_right
from deeprestore_lab.course.exercises.diagnosis import recognised
from deeprestore_lab.course.exercises.keys import Key, Task
from deeprestore_lab.course.exercises.running import Stopped, parts_of, run
from deeprestore_lab.teaching.exercises.mutants import Mutant, mutants
from deeprestore_lab.teaching.exercises.rehearsal import quietly, run_cell, seed
from deeprestore_lab.teaching.exercises.source import Source, solution, text_of

SECONDS = 5  # for one changed answer: some of them never end


@dataclass
class Verdict:
    """What became of the changed solutions of one task."""

    task: str
    made: int = 0
    recognised: int = 0
    passing: list[Mutant] = field(default_factory=list)


class _TooLong(Exception):  # noqa: N818, no error of ours
    pass


def judge(source: Source, key: Key, *, folder: Path) -> list[Verdict]:
    """Run every changed solution of an exercise on the cases of its key, each for `SECONDS` at most.

    A changed solution that passes is equal to the solution on all cases: either it is the same function, or the cases
    leave a mistake unseen. Raises `SourceError` naming a cell of the source that fails.
    """
    by_solution, checks = {t.solution_at: t for t in source.tasks}, {t.check_at for t in source.tasks}
    namespace, verdicts = {"__name__": "__main__"}, []
    with quietly(folder, Recorder()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, cell in enumerate(source.cells):
            text, name = text_of(cell), f"{source.name}, cell {place + 1}"
            if cell["cell_type"] != "code" or place in checks:
                continue
            if task := by_solution.get(place):
                verdicts.append(_verdict(text, task.name, key.tasks[task.name], namespace))
                text = solution(text)
            run_cell(text, namespace, name=name)
    return verdicts


def _verdict(text: str, name: str, task: Task, namespace: dict) -> Verdict:
    verdict = Verdict(name)
    for mutant in mutants(text):
        verdict.made += 1
        answers = _answers(mutant, name, task, dict(namespace))
        if answers is None:
            continue
        if is_right(answers, task.expected, tolerance=task.tolerance):
            verdict.passing.append(mutant)
        elif recognised(answers, task):
            verdict.recognised += 1
    return verdict


def _answers(mutant: Mutant, name: str, task: Task, namespace: dict) -> list | None:
    """What a changed solution gives; None where it raises, returns nothing or does not end."""
    seed()
    try:
        with _limited(SECONDS), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(mutant.text, "a changed solution", "exec"), namespace)
            answer = namespace[name]
            return run(answer, task.cases) if task.is_function else [parts_of(answer)]
    except (Stopped, _TooLong):
        return None
    except Exception:
        return None


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Stop what runs after so many seconds, where the system has alarms and this is the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame):
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
