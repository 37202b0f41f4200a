"""Run submitted notebooks on a Dask cluster: each one travels as text, and is confined on the machine it comes to."""

import hashlib
import json
import platform
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from deeprestore_lab.teaching.exercises.apart import ROOT, Done, Job, run_job
from deeprestore_lab.teaching.exercises.environment import kernel_python, probe
from deeprestore_lab.teaching.exercises.imports import imported
from deeprestore_lab.teaching.exercises.source import GradingError, text_of
from deeprestore_lab.teaching.submission.confinement import why_not

PATIENCE = 20.0  # seconds between two looks at whether the scheduler is still there


class ClusterGone(GradingError):  # noqa: N818, as its neighbours
    """Nobody runs notebooks any more: what is not graded yet waits for another call."""


@contextmanager
def workers_of(scheduler: str, *, tell: Callable[[str, str], None]) -> Iterator[tuple[Callable[[Job], Done], int]]:
    """A function that runs a job on the cluster at an address, and how many jobs its workers take at once.

    A job whose worker dies is run on another one. The workers need this library, at the same commit, and what notebooks
    import; no folder is shared. `tell` hears of each machine and why nothing is kept apart there, or an empty text.
    Raises `GradingError` where there is no Dask, no scheduler, no worker or one with another library; the function
    raises `ClusterGone` where the scheduler went away, `GradingError` where a worker cannot run the notebook.
    """
    from deeprestore_lab.course.sweeps import connected

    with ExitStack() as stack:
        try:
            client = stack.enter_context(connected(scheduler, None))
        except ImportError as error:
            raise GradingError(str(error)) from error
        except (OSError, ValueError) as error:
            raise GradingError(f"no Dask scheduler answers at {scheduler}: {error}") from error
        slots = sum(client.nthreads().values())
        if not slots:
            raise GradingError(f"the scheduler at {scheduler} has no worker: start `dask worker {scheduler}`")
        try:
            machines = client.run(about_machine, digest_of_code()).values()
        except GradingError:
            raise
        except Exception as error:  # of the worker, where the library is not there
            raise GradingError(f"a worker of {scheduler} cannot grade: {type(error).__name__}: {error}") from error
        for machine, reason in machines:
            tell(machine, reason)
        yield _asking(client, scheduler, tell), slots


def _asking(client, scheduler: str, tell: Callable[[str, str], None]) -> Callable[[Job], Done]:
    from distributed import KilledWorker

    code = digest_of_code()

    def run(job: Job) -> Done:
        future = client.submit(run_there, job, code, pure=False)
        while True:
            try:
                done, machine, reason = future.result(timeout=PATIENCE)
                break
            except GradingError:
                raise
            except KilledWorker as error:
                raise GradingError(f"its worker died, and so did those that took it over ({error})") from None
            except (Exception, CancelledError) as error:
                if future.status == "error":
                    raise GradingError(f"its worker failed: {type(error).__name__}: {error}") from error
                if future.status != "pending" or client.status != "running":  # what is sent to nobody is pending, too
                    raise ClusterGone(f"the cluster at {scheduler} is gone: give the same command again") from None
        tell(machine, reason)
        return done

    return run


def about_machine(code: str) -> tuple[str, str]:
    """The name of this machine, and why it keeps nothing apart. Raises `GradingError` where its library is another."""
    if digest_of_code() != code:
        name = platform.node()
        raise GradingError(f"the worker on {name} has another deeprestore_lab: give all machines the same commit")
    return platform.node(), why_not()


def run_there(job: Job, code: str) -> tuple[Done, str, str]:
    """What a worker does with a job: look whether it can run it, and run it confined; also what `about_machine` says.

    Raises `GradingError` naming this machine where its library is another, or where a module is missing.
    """
    machine, reason = about_machine(code)
    cells = [text_of(cell) for cell in json.loads(job.notebook)["cells"] if cell["cell_type"] == "code"]
    own = {Path(name).stem for name in job.beside}  # modules that came with the notebook
    names = {name for name in imported(cells) if name.split(".")[0] not in own}
    for name, found in probe(kernel_python("python3"), tuple(sorted({"deeprestore_lab", *names})), None).items():
        if isinstance(found, list):
            raise GradingError(f"the worker on {machine} cannot import {name}, which the notebook does ({found[0]})")
    return run_job(job), machine, reason


@cache
def digest_of_code() -> str:
    """A sum over the library's code and its keys, the same on machines with the same commit."""
    digest, package = hashlib.sha256(), ROOT / "deeprestore_lab"
    for path in sorted([*package.rglob("*.py"), *(package / "core" / "shipped" / "exercises").glob("*.json")]):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
