"""podman, by option: a program in a container without an image, with what `sandbox` would let it see and no more."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

from deeprestore_lab.teaching.submission import sandbox

OPTIONS = "DEEPRESTORE_PODMAN"  # the environment's: more words for `podman run`, such as another runtime
ALONE = ["--rm", "--network", "none", "--ipc", "none", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
ALONE += ["--read-only", "--read-only-tmpfs=false", "--no-hosts", "--log-driver", "none", "--pull", "never"]
ALONE += ["--security-opt", "mask=/sys/fs/cgroup"]  # where cgroups are of the first kind, a folder in memory
# by name what `sandbox.REFUSED_CALLS` has by number
REFUSED = (
    "io_uring_setup ptrace process_vm_readv process_vm_writev mount bpf perf_event_open userfaultfd keyctl add_key "
    "request_key setns unshare open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr memfd_create "
    "memfd_secret shmget msgget mq_open sendmsg sendmmsg"
)
SHARED, NEW_USER, NOT_PERMITTED, NO_SUCH_CALL = 0x21, 0x10000000, 1, 38  # MAP_SHARED and MAP_ANONYMOUS; CLONE_NEWUSER
PATIENCE = 60.0  # seconds for podman itself
ENOUGH = 4096  # open files and threads; each program then limits itself further
REPORT, LIFELINE = 3, 4  # the numbers that podman passes on
RENUMBER = f"""import os, sys
os.dup2(int(sys.argv[1]), {REPORT}), os.dup2(int(sys.argv[2]), {LIFELINE})
os.execvp(sys.argv[3], sys.argv[3:])
"""


@cache
def why_not(options: str = "") -> str:
    """Why no container can be started on this machine with these `options`; an empty text where one can."""
    if not sys.platform.startswith("linux"):
        return f"containers are Linux's, and this is {sys.platform}"
    if shutil.which("podman") is None:
        return "podman is not installed"
    with tempfile.TemporaryDirectory() as folder, Container(Path(folder), options=options) as tried:
        line = tried.command(["true"], passed=0)
        try:
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return f"podman does not work here: it took more than {PATIENCE:.0f} seconds"
    said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
    return "" if done.returncode == 0 else f"podman does not work here: {said[-1]}"


class Container:
    """A container for one program, which may write to `folder` and read `readable`, Python and the system.

    Its root is an empty folder into which these are mounted. A context: at its end nothing of the container is left.
    With `sockets` its processes may talk to each other. Raises `ValueError` for a path with a colon, which podman takes
    for the end of it.
    """

    def __init__(
        self, folder: Path, *, readable: Sequence[str] = (), sockets: bool = False, options: str | None = None
    ) -> None:
        self.folder, self.sockets = folder, sockets
        self.options = os.environ.get(OPTIONS, "") if options is None else options
        self.name = f"deeprestore-{uuid4().hex[:12]}"
        self.seen = [path for path in sandbox.visible(readable) if os.path.exists(path)]
        if colons := [path for path in (*self.seen, str(folder)) if ":" in path]:
            raise ValueError(f"podman cannot mount a path with a colon, got {colons[0]!r}")
        self._own = tempfile.TemporaryDirectory(prefix="container-")
        self._end: int | None = None  # of the lifeline

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        if self._end is not None:
            os.close(self._end)
        try:
            if shutil.which("podman"):
                remove = ["podman", "rm", "-f", "-t", "0", "-i", self.name]
                with suppress(subprocess.TimeoutExpired):  # --rm takes a container away too, and what ran is in hand
                    subprocess.run(remove, capture_output=True, timeout=PATIENCE)
        finally:
            self._own.cleanup()

    def command(self, program: Sequence[str], *, passed: int) -> list[str]:
        """The command that runs `program` in the container; so many open files from number 3 on are passed to it."""
        own = Path(self._own.name)
        (root := own / "root").mkdir(exist_ok=True)
        (profile := own / "calls.json").write_text(json.dumps(refused_calls(sockets=self.sockets)))
        mounts = [f"{path}:{path}:ro" for path in self.seen]
        mounts += [f"{_devices(own / 'dev')}:/dev:ro", *(f"{path}:{path}:rw,dev" for path in sandbox.DEVICES)]
        mounts = [word for mount in [*mounts, f"{self.folder}:{self.folder}:rw"] for word in ("-v", mount)]
        line = ["podman", "run", "--name", self.name, *ALONE, "--security-opt", f"seccomp={profile}", "-i", *_ulimits()]
        line += ["--preserve-fds", str(passed), *mounts]
        return [*line, "--workdir", str(self.folder), *self.options.split(), "--rootfs", str(root), *program]

    def start(self, program: Callable[[dict[str, int]], list[str]], report: int, options: dict) -> subprocess.Popen:
        """Start what `program` gives for the numbers of the report and of the lifeline, a pipe that we hold.

        When our end is closed, or we are ended ourselves, the container ends (`limited`).
        """
        alive, self._end = os.pipe()
        passed = [_above(number, LIFELINE) for number in (report, alive)]
        line = self.command(program({"report": REPORT, "lifeline": LIFELINE}), passed=2)
        line = [sys.executable, "-I", "-S", "-c", RENUMBER, *map(str, passed), *line]
        try:
            return subprocess.Popen(line, pass_fds=passed, start_new_session=True, **options)
        finally:
            for number in (alive, *passed):
                os.close(number)

    def pid(self) -> int | None:
        """The number that its first process has outside; None where it has ended."""
        line = ["podman", "inspect", "--format", "{{.State.Pid}}", self.name]
        done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
        return int(done.stdout) or None if done.returncode == 0 else None


def refused_calls(*, sockets: bool) -> dict:
    """The seccomp profile: what `sandbox.refused_calls` refuses, and user namespaces, which bubblewrap itself refuses.

    `clone3` is "not there", so that programs take `clone`, whose flags can be looked at.
    """

    def refusal(names: Sequence[str], error: int = NOT_PERMITTED, **flags: int) -> dict:
        args = [
            {"index": int(place[1:]), "value": bits, "valueTwo": bits, "op": "SCMP_CMP_MASKED_EQ"}
            for place, bits in flags.items()
        ]
        return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": error, "args": args}

    names = REFUSED.split() if sockets else ["socket", *REFUSED.split()]
    rules = [refusal(names), refusal(["mmap"], _3=SHARED), refusal(["clone"], _0=NEW_USER)]
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [*rules, refusal(["clone3"], NO_SUCH_CALL)]}


def _devices(folder: Path) -> Path:
    """A /dev to mount, read-only, where podman's own is memory that can be written to."""
    for name in ("pts", "mqueue", "shm"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for device in sandbox.DEVICES:
        (folder / Path(device).name).touch()
    return folder


def _above(number: int, least: int) -> int:
    """Another number, above `least`, for an open file."""
    import fcntl  # no module of Windows

    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, least + 1)


def _ulimits() -> list[str]:
    """No more than a program needs and this process may have: podman asks for more, which not every machine grants."""
    import resource  # no module of Windows

    words = []
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(kind)[1]
        most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
        words += ["--ulimit", f"{name}={most}:{most}"]
    return words
