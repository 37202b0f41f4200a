"""bubblewrap: a program in it sees its folder, Python and the system, no network, and no process but its own."""

import platform
import shutil
import site
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

SYSTEM = "/usr /lib /lib64 /lib32 /bin /sbin /opt /nix/store /gnu/store /sys/devices/system".split()
SETTINGS = (
    "ld.so.cache ld.so.conf ld.so.conf.d localtime passwd group fonts ssl/certs ssl/openssl.cnf mime.types "
    "nsswitch.conf alternatives"
)
DEVICES = "/dev/null /dev/full /dev/random /dev/urandom".split()
ALONE = ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--cap-drop", "ALL"]
ALONE += ["--proc", "/proc"]
# socket, io_uring_setup, ptrace, process_vm_readv, process_vm_writev, mount, bpf, perf_event_open, userfaultfd,
# keyctl, add_key, request_key, setns, unshare; open_tree to fspick and mount_setattr, which mount by other names; and
# what no process seems to hold: memfd_create, memfd_secret, shmget, msgget, mq_open, files that sendmsg has under way
MOUNTS = "428 429 430 431 432 433 442"
REFUSED_CALLS = {
    "x86_64": f"41 425 101 310 311 165 321 298 323 250 248 249 308 272 {MOUNTS} 319 447 29 68 240 46 307",
    "aarch64": f"198 425 117 270 271 40 280 241 282 219 217 218 268 97 {MOUNTS} 279 447 194 186 180 211 269",
}
KINDS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MMAP = {"x86_64": 9, "aarch64": 222}


@cache
def why_not() -> str:
    """Why no program can be kept apart on this machine; an empty text where it can."""
    if not sys.platform.startswith("linux"):
        return f"bubblewrap is Linux's, and this is {sys.platform}"
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    line = ["bwrap", *ALONE, *_bound("--ro-bind-try", SYSTEM), "true"]
    tried = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    said = tried.stderr.strip().splitlines() or [f"status {tried.returncode}"]
    return "" if tried.returncode == 0 else f"bubblewrap does not work here: {said[-1]}"


def command(program: Sequence[str], folder: Path, *, readable: Sequence[str], refused: int | None) -> list[str]:
    """The command that runs `program` in `folder`, which it may write to, with `readable` and Python to read.

    `refused` is a file descriptor with what `refused_calls` gave. All else is not there.
    """
    line = ["bwrap", *ALONE, *_bound("--ro-bind-try", visible(readable)), *_bound("--dev-bind-try", DEVICES)]
    line += ["--bind", str(folder), str(folder), "--remount-ro", "/", "--chdir", str(folder)]
    return [*line, *([] if refused is None else ["--seccomp", str(refused)]), "--", *program]


def visible(readable: Sequence[str]) -> list[str]:
    """What a program may read, where it is there: the system, Python, this library, and `readable`."""
    own = Path(__file__).resolve().parents[2]
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()]
    settings = (f"/etc/{name}" for name in SETTINGS.split())
    return list(dict.fromkeys([*SYSTEM, *python, *settings, str(own), *readable]))


def _bound(how: str, paths: Sequence[str]) -> list[str]:
    return [word for path in paths for word in (how, path, path)]


def refused_calls(*, sockets: bool = False) -> bytes | None:
    """A seccomp filter: no new socket, no look into other processes, no memory that no process seems to hold.

    The last are calls of `REFUSED_CALLS` and memory that is shared without a file (mmap). What is refused is "not
    permitted". With `sockets` the first one, `socket`, is allowed: in a network of its own it reaches no other machine,
    and no program outside. None for a processor whose system calls are not listed. Each instruction is code, two jumps,
    a number.
    """
    if platform.machine() not in REFUSED_CALLS:
        return None
    kind, numbers = KINDS[platform.machine()], [int(each) for each in REFUSED_CALLS[platform.machine()].split()]
    numbers = numbers[1:] if sockets else numbers
    load, equal, at_least, answer, both = 0x20, 0x15, 0x35, 0x06, 0x54
    kill, refuse, allow = 0x80000000, 0x00050001, 0x7FFF0000
    steps = [(load, 0, 0, 4), (equal, 1, 0, kind), (answer, 0, 0, kill), (load, 0, 0, 0)]
    steps += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, kill)]  # another way to number the same calls
    steps += [step for number in numbers for step in ((equal, 0, 1, number), (answer, 0, 0, refuse))]
    shared, flags = 0x21, 16 + 8 * 3  # MAP_SHARED and MAP_ANONYMOUS, and where the fourth argument stands
    steps += [(equal, 0, 4, MMAP[platform.machine()]), (load, 0, 0, flags), (both, 0, 0, shared)]
    steps += [(equal, 0, 1, shared), (answer, 0, 0, refuse), (answer, 0, 0, allow)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)
