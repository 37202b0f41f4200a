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
from dataclasses import dataclass, field
from pathlib import Path

from deeprestore_lab.teaching.submission import processes, sandbox, storage
from deeprestore_lab.teaching.submission.captured import Captured

KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")
NOTHING: Mapping[str, str] = {}
HOME = ".home"  # in its folder: where programs keep what they cache
LONGEST_START = 60.0  # seconds, on a busy machine
LAST_STEP = Path(__file__).with_name("limited.py")
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
    else of ours. Where bubblewrap works, it sees its
    folder, Python and the system alone (`sandbox`); elsewhere it is a plain process. Limits by rlimits where there are
    any, and on Linux its processes, memory and files are counted ten times a second. `Outcome.possible` says what held.
    """
    folder = folder.resolve()
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | dict(readable)
    (home := folder / HOME).mkdir(exist_ok=True)
    homes = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "XDG_CACHE_HOME", "MPLCONFIGDIR"), str(home))
    fixed = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}  # threads spin on a busy machine
    fixed |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}  # what it printed is there when it is stopped
    with tempfile.TemporaryFile() as standard_input:
        standard_input.write(given)
        standard_input.seek(0)
        started = time.monotonic()
        process, possible = _start(
            [sys.executable, *command],
            folder,
            environment | homes | fixed,
            limits,
            standard_input,
            list(readable.values()),
        )
        output = Captured(process.stdout, limits.output)
        try:
            end, memory = _watch(process, folder, limits, started)
        finally:  # an interrupt from the keyboard does not reach it
            processes.end(process)
        seconds = time.monotonic() - started
        return Outcome(end, process.returncode, seconds, memory, output.text(), possible)


def _start(command, folder, environment, limits, standard_input, readable):
    """The process, and what was possible, which is known before the program starts."""
    options = {"cwd": folder, "stdin": standard_input, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    options |= {"env": environment}
    reason = sandbox.why_not()
    possible = dict.fromkeys(APART, reason)
    if limits.sockets:
        possible["no sockets"] = reason or "they were asked for, within its own network"
    if os.name != "posix":
        return subprocess.Popen(command, **options), possible | {"limits": f"not on {sys.platform}"}
    rlimits = {"RLIMIT_CPU": int(limits.seconds * 4) + 1, "RLIMIT_FSIZE": limits.file_size, "RLIMIT_CORE": 0}
    rlimits["RLIMIT_NOFILE"] = limits.open_files
    if not reason:  # elsewhere the user's other processes would count
        rlimits["RLIMIT_NPROC"] = 8 * limits.processes  # the kernel counts threads
    read, write = os.pipe()
    settings = {"command": command, "environment": environment, "report": write, "limits": rlimits}
    line = [sys.executable, "-I", "-S", str(LAST_STEP), json.dumps(settings | {"memory": limits.memory})]
    with tempfile.TemporaryFile() as calls:
        refused = None if reason else sandbox.refused_calls(sockets=limits.sockets)
        if not reason:
            if refused is None:
                possible["no sockets"] = f"no list of system calls for {platform.machine()}"
            else:
                calls.write(refused)
                calls.seek(0)
            line = sandbox.command(line, folder, readable=readable, refused=refused and calls.fileno())
        passed = [write] if refused is None else [write, calls.fileno()]
        process = subprocess.Popen(line, pass_fds=passed, start_new_session=True, **options)
    os.close(write)
    with open(read, "rb") as report:
        ready = select.select([report], [], [], LONGEST_START)[0]
        said = report.readline(100_000) if ready else b""
    if not said:
        processes.end(process)
        return process, {"confinement": "it did not start"}
    return process, possible | {"limits": json.loads(said)}


def _watch(process: subprocess.Popen, folder: Path, limits: Limits, started: float) -> tuple[str, int]:
    """Wait for the end, or for what goes beyond a limit: its word, and the most memory seen."""

    def too_much(numbers: Sequence[int] = ()) -> str | None:
        return storage.too_much(folder, numbers, count=limits.files, size=limits.folder, largest=limits.file_size)

    most = 0
    while True:
        try:
            process.wait(timeout=0.1)
            return too_much() or "ended", most
        except subprocess.TimeoutExpired:
            pass
        numbers = processes.tree(process.pid)
        most = max(most, processes.resident(numbers))
        if time.monotonic() - started > limits.seconds:
            return "time", most
        if most > limits.memory:
            return "memory", most
        if len(numbers) > limits.processes + 2:  # two are ours
            return "processes", most
        if word := too_much(numbers):
            return word, most
