"""The last step before the student's program, in its place: this process limits itself, then becomes the program.

Run as a script, `python -I -S limited.py SETTINGS`, with nothing of this library imported. What the system did not
allow goes to the file descriptor that the settings name.
"""

import json
import os
import resource
import sys


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
    os.execve(settings["command"][0], settings["command"], settings["environment"])


if __name__ == "__main__":
    main()
