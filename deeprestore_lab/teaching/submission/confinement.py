"""Run a program that nobody trusts: a process of its own, with limits, few rights and no secrets."""

import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from deeprestore_lab.core.checks import check_choice
from deeprestore_lab.teaching.submission import container, processes, sandbox, storage
from deeprestore_lab.teaching.submission.captured import Captured

KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")
NOTHING: Mapping[str, str] = {}
HOME = ".home"  # in its folder: where programs keep what they cache
LONGEST_START = 60.0  # seconds, on a busy machine
LAST_STEP = Path(__file__).with_name("limited.py")
KINDS, CHOSEN_BY = ("bubblewrap", "podman"), "DEEPRESTORE_CONFINEMENT"  # the first is usual; a variable of the system's
APART = ("files", "no sockets", "processes and network of its own")


@dataclass(frozen=True)
class Limits:
    """Seconds of time; bytes of memory, of all files and of one; how many files, open files and processes.

    With `sockets` its processes may talk to each other, as a notebook's kernel must; the network stays its own.
    """

    seconds: float = 600.0
    memory: int = 4_000_000_000
    folder: int = 500_000_000
    file_size: int = 200_000_000
    files: int = 2000
    open_files: int = 256
    processes: int = 32
    output: int = 20_000
    sockets: bool = False


@dataclass
class Outcome:
    """How a run ended ("ended", or what it ran out of), its exit status, seconds, peak memory in bytes, its output.

    `possible` has each protection: an empty text where it was in force, else why it was not.
    """

    end: str
    status: int
    seconds: float
    memory: int
    output: str
    possible: dict[str, str] = field(default_factory=dict)


def run(
    command: Sequence[str], *, folder: Path, limits: Limits, given: bytes = b"", readable: Mapping[str, str] = NOTHING
) -> Outcome:
    """Run a Python command (what follows the interpreter) in a folder, the only one it may write to.

    The environment holds what a program needs to start and `readable`, names with the folders they may read, nothing
    else of ours. Where bubblewrap works, it sees its folder, Python and the system alone (`sandbox`); so it does in a
    container of podman's, where DEEPRESTORE_CONFINEMENT says "podman" (`container`); elsewhere it is a plain process.
    Limits by rlimits where there are any, and on Linux its processes, memory and files are counted ten times a second.
    `Outcome.possible` says what held. Raises `ValueError` for another word in DEEPRESTORE_CONFINEMENT.
    """
    folder = folder.resolve()
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | dict(readable)
    (home := folder / HOME).mkdir(exist_ok=True)
    homes = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "XDG_CACHE_HOME", "MPLCONFIGDIR"), str(home))
    fixed = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}  # threads spin on a busy machine
    fixed |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}  # what it printed is there when it is stopped
    with tempfile.TemporaryFile() as standard_input, ExitStack() as held:
        standard_input.write(given)
        standard_input.seek(0)
        started = time.monotonic()
        process, first, possible = _start(
            [sys.executable, *command],
            folder,
            environment | homes | fixed,
            limits,
            standard_input,
            list(readable.values()),
            held,
        )
        output = Captured(process.stdout, limits.output)
        try:
            end, memory = _watch(process, folder, limits, started, first)
        finally:  # an interrupt from the keyboard does not reach it
            held.close()
            processes.end(process)
        seconds = time.monotonic() - started
        return Outcome(end, process.returncode, seconds, memory, output.text(), possible)


def why_not() -> str:
    """Why no program can be kept apart on this machine by what is chosen; an empty text where it can.

    Raises `ValueError` for another word in DEEPRESTORE_CONFINEMENT.
    """
    return container.why_not(os.environ.get(container.OPTIONS, "")) if _in_container() else sandbox.why_not()


def _in_container() -> bool:
    return check_choice(os.environ.get(CHOSEN_BY) or KINDS[0], KINDS, name=CHOSEN_BY) == "podman"


def _start(command, folder, environment, limits, standard_input, readable, held):
    """The process, the number of the first one of the program's own, and what was possible, known before it starts.

    What must last as long as the program goes into `held`.
    """
    options = {"cwd": folder, "stdin": standard_input, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    options |= {"env": environment}
    reason = why_not()
    possible = dict.fromkeys(APART, reason)
    if limits.sockets:
        possible["no sockets"] = reason or "they were asked for, within its own network"
    if os.name != "posix":
        process = subprocess.Popen(command, **options)
        return process, process.pid, possible | {"limits": f"not on {sys.platform}"}
    rlimits = {"RLIMIT_CPU": int(limits.seconds * 4) + 1, "RLIMIT_FSIZE": limits.file_size, "RLIMIT_CORE": 0}
    rlimits["RLIMIT_NOFILE"] = limits.open_files
    if not reason:  # elsewhere the user's other processes would count
        rlimits["RLIMIT_NPROC"] = 8 * limits.processes  # the kernel counts threads
    read, write = os.pipe()
    settings = {"command": command, "environment": environment, "report": write, "limits": rlimits}
    settings["memory"] = limits.memory
    contained = None
    if _in_container() and not reason:
        contained = held.enter_context(container.Container(folder, readable=readable, sockets=limits.sockets))
        process = contained.start(lambda numbers: _last_step(settings | numbers), write, options)
    else:
        process = _process(settings, folder, limits, readable, options, possible, alone=not reason)
    os.close(write)
    with open(read, "rb") as report:
        ready = select.select([report], [], [], LONGEST_START)[0]
        said = report.readline(100_000) if ready else b""
    if not said:
        held.close()
        processes.end(process)
        return process, process.pid, {"confinement": "it did not start"}
    first = contained.pid() if contained else process.pid
    return process, first or process.pid, possible | {"limits": json.loads(said)}


def _process(settings, folder, limits, readable, options, possible, *, alone):
    """The program by bubblewrap, or as a plain process where it is not to be `alone`."""
    line = _last_step(settings)
    with tempfile.TemporaryFile() as calls:
        refused = sandbox.refused_calls(sockets=limits.sockets) if alone else None
        if alone:
            if refused is None:
                possible["no sockets"] = f"no list of system calls for {platform.machine()}"
            else:
                calls.write(refused)
                calls.seek(0)
            line = sandbox.command(line, folder, readable=readable, refused=refused and calls.fileno())
        passed = [settings["report"]] if refused is None else [settings["report"], calls.fileno()]
        return subprocess.Popen(line, pass_fds=passed, start_new_session=True, **options)


def _last_step(settings) -> list[str]:
    return [sys.executable, "-I", "-S", str(LAST_STEP), json.dumps(settings)]


def _watch(process: subprocess.Popen, folder: Path, limits: Limits, started: float, first: int) -> tuple[str, int]:
    """Wait for the end, or for what goes beyond a limit: its word, and the most memory seen from process `first` on."""

    def too_much(numbers: Sequence[int] = ()) -> str | None:
        return storage.too_much(folder, numbers, count=limits.files, size=limits.folder, largest=limits.file_size)

    most = 0
    while True:
        try:
            process.wait(timeout=0.1)
            return too_much() or "ended", most
        except subprocess.TimeoutExpired:
            pass
        numbers = processes.tree(first)
        most = max(most, processes.resident(numbers))
        if time.monotonic() - started > limits.seconds:
            return "time", most
        if most > limits.memory:
            return "memory", most
        if len(numbers) > limits.processes + 2:  # two are ours
            return "processes", most
        if word := too_much(numbers):
            return word, most
