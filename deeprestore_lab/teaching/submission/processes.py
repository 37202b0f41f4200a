"""A process and all that came from it, as Linux's /proc shows them: how many, how much memory; and their end."""

import os
import signal
import subprocess
import sys


def tree(root: int) -> list[int]:
    """The process numbers of a process and its descendants, the deepest last. Only the root where there is no /proc."""
    children: dict[int, list[int]] = {}
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return [root]
    for number in numbers:
        try:
            with open(f"/proc/{number}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(number)
    found = [root]
    for number in found:
        found += children.get(number, [])
    return found


def resident(numbers: list[int]) -> int:
    """The bytes of memory that processes hold, those they share counted for each; 0 where there is no /proc."""
    pages = 0
    for number in numbers:
        try:
            with open(f"/proc/{number}/statm", "rb") as file:
                pages += int(file.read().split()[1])
        except (OSError, IndexError, ValueError):
            continue
    return pages * (os.sysconf("SC_PAGE_SIZE") if pages else 0)


def end(process: subprocess.Popen) -> None:
    """Kill a process that we started, with all that came from it: the tree, then the group, then itself."""
    if sys.platform == "linux":
        for number in reversed(tree(process.pid)[1:]):
            _kill(os.kill, number)
    if hasattr(os, "killpg"):
        _kill(os.killpg, process.pid)
    process.kill()
    process.wait()


def _kill(how, number: int) -> None:
    try:
        how(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
