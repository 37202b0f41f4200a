"""The process between ours and the student's: it takes rights away from itself, then becomes the student's program.

Run as a script, `python -I -S launcher.py SETTINGS`, with nothing of this library imported. What the system allowed
goes to the file descriptor that the settings name, before the student's program starts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from types import ModuleType


def main() -> None:
    """Confine this process by the settings of its one argument, and become the command they name."""
    settings = json.loads(sys.argv[1])
    possible: dict[str, str] = {}
    alone = sys.platform == "linux" and _tried(possible, "processes and network of its own", _unshared)
    if alone:
        _stay_outside(settings["report"])
    _tried(possible, "limits", lambda: _limited(settings, alone))
    if sys.platform == "linux":
        linux = _linux()
        _tried(possible, "no new rights", linux.gain_nothing)
        _tried(possible, "files", lambda: linux.restrict_files(settings["rights"]))
        _tried(possible, "no sockets", linux.refuse_calls)
    else:
        possible |= dict.fromkeys(("files", "no sockets", "processes and network of its own"), f"not on {sys.platform}")
    with open(settings["report"], "w", closefd=True) as report:
        report.write(json.dumps(possible) + "\n")
    sys.stdout.flush()
    os.execve(settings["command"][0], settings["command"], settings["environment"])


def _tried(possible: dict[str, str], what: str, step) -> bool:
    try:
        step()
    except (OSError, ValueError, AttributeError, ImportError) as error:
        possible[what] = f"not possible here: {error}"
        return False
    possible[what] = ""
    return True


def _linux() -> ModuleType:
    """Our neighbour `linux.py`, loaded from its file: this library is not imported here."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "linux.py")
    spec = importlib.util.spec_from_file_location("linux", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _unshared() -> None:
    _linux().unshare()


def _stay_outside(report: int) -> None:
    """Fork twice: this process waits, its child is the first of the new tree and buries the dead, its own goes on.

    When the first of a tree ends, the kernel ends all that are left in it.
    """
    linux = _linux()
    linux.die_with_parent()  # else the program would outlive a checker that was ended
    child = os.fork()
    if child:
        os.close(report)
        _, status = os.waitpid(child, 0)
        _end_as(status)
    linux.die_with_parent()
    own = os.fork()
    if own:
        os.close(report)
        while True:
            process, status = os.wait()
            if process == own:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_as(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _limited(settings: dict, alone: bool) -> None:
    import resource

    limits = {"RLIMIT_CPU": settings["cpu_seconds"], "RLIMIT_FSIZE": settings["file_size"], "RLIMIT_CORE": 0}
    limits["RLIMIT_NOFILE"] = settings["open_files"]
    limits["RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS"] = settings["memory"]
    if alone:  # outside of a tree of its own, the user's other processes would count
        limits["RLIMIT_NPROC"] = settings["processes"]
    failed = []
    for name, value in limits.items():
        try:
            hard = resource.getrlimit(getattr(resource, name))[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(getattr(resource, name), (value, value))
        except (OSError, ValueError) as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise OSError(", ".join(failed))


if __name__ == "__main__":
    main()
