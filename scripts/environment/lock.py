"""Pin everything the project needs in constraints.txt: `make lock`.

One resolution for all extras, all systems and Python 3.11 and newer, of the newest versions that fit. The file
holds names, versions and markers only, no address: each machine takes the packages from its own index.
"""

from __future__ import annotations

import subprocess
import sys

from scripts import ROOT

HEADER = """\
# Every package the project may need, pinned. Made by `make lock` from pyproject.toml; do not edit.
"""


def compile_command() -> list[str]:
    """The resolution, on standard output."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--upgrade"]
    what = ["--all-extras", "--universal", "--python-version", "3.11"]
    return [*uv, *what, "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]


def checked(pins: str) -> str:
    """The pins, if each line is a plain pin. Raises `ValueError` naming the line that is none."""
    for line in pins.splitlines():
        if "==" not in line or "://" in line or " @ " in line or line.startswith("-"):
            raise ValueError(f"not a plain pin: {line!r}")
    return pins


def main() -> int:
    """Write constraints.txt, or leave it as it was and return 1."""
    answer = subprocess.run(compile_command(), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        print("constraints.txt was left as it is: the dependencies could not be resolved (see above)", file=sys.stderr)
        return 1
    (ROOT / "constraints.txt").write_text(HEADER + checked(answer.stdout), encoding="utf-8", newline="\n")
    print(f"constraints.txt: {len(answer.stdout.splitlines())} pins")
    return 0


if __name__ == "__main__":
    sys.exit(main())
