"""The last step before the student's program, in its place: this process limits itself, then becomes the program.

Run as a script, `python -I -S limited.py SETTINGS`, with nothing of this library imported. What the system did not
allow goes to the file descriptor that the settings name. With a `lifeline`, another one, it stays, starts the program,
and ends with all of its container when the other end of that pipe is closed: when whoever started it is gone.
"""

import json
import os
import resource
import sys
import threading


def main() -> None:
    """Limit this process by the settings of its one argument, and become the command they name."""
    settings = json.loads(sys.argv[1])
    limits = settings["limits"]
    limits["RLIMIT_DATA" if sys.platform.startswith("linux") else "RLIMIT_AS"] = settings["memory"]
    failed = []
    for name, value in limits.items():
        try:
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))
        except (AttributeError, OSError, ValueError) as error:
            failed.append(f"{name}: {error}")
    with open(settings["report"], "w") as report:
        report.write(json.dumps(", ".join(failed)) + "\n")
    if "lifeline" in settings and (child := os.fork()):
        _stay(child, settings["lifeline"])
    os.execve(settings["command"][0], settings["command"], settings["environment"])


def _stay(child: int, lifeline: int) -> None:
    """Wait for the program, and end as it did; at once where nothing holds the lifeline any more."""

    def hold() -> None:
        os.read(lifeline, 1)  # nothing is ever written: it returns at the end of the pipe
        os._exit(137)

    threading.Thread(target=hold, daemon=True).start()
    while True:
        number, status = os.wait()  # the first process of a container gets every orphan
        if number == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
