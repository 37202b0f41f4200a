"""Before handing in: does the report have all that it needs?

`python check.py` looks at what `main.py` made and at the report's text. The
archive itself, README and PDF are looked at when it is built.
"""

import json
import math
import sys
from pathlib import Path

import pictures

HERE = Path(__file__).parent
MODELS = ("naive", "mended")
TASKS = ("denoising", "denoising_small", "inpainting", "inpainting_exact")
WAYS = ("image", "one start", "six starts")


def missing(folder: Path = HERE) -> list[str]:
    """What is missing, one line each."""
    try:
        results = json.loads((folder / "results.json").read_text())
    except (OSError, ValueError):
        return ["results.json: not there, or broken: run `python main.py`"]
    said = [f"open: {each}" for each in results.get("open", [])]
    for kind in MODELS:
        found = results.get("measures", {}).get(kind, {})
        for name in ("reconstruction", "holes"):
            if not _number(found.get(name)):
                said.append(f"results.json: no {name} of the {kind} model")
        if sum(map(_number, found.values())) < 4:
            said.append(f"results.json: fewer than four measures, {kind}")
        if not list(folder.glob(f"{kind}-*.safetensors")):
            said.append(f"{kind}-*.safetensors: no weights of the {kind} model")
        for task in TASKS:
            ways = results.get("restoration", {}).get(task, {}).get(kind, {})
            for way in WAYS:
                values = ways.get(way, [])
                if not values or not all(map(_number, values)):
                    said.append(f"results.json: no {task}, {kind}, {way}")
    for name in pictures.NAMES:
        if not (folder / "pictures" / name).exists():
            said.append(f"pictures/{name}: not there: run `python main.py`")
    return said + _open_text(folder)


def _open_text(folder: Path) -> list[str]:
    """The places of the report that still say what to write."""
    if not (folder / "report.typ").exists():
        return []  # a PDF of your own
    lines = (folder / "report.typ").read_text(encoding="utf-8").splitlines()
    return [
        f"report.typ, line {number}: write this part: {line.strip()[:60]}"
        for number, line in enumerate(lines, 1)
        if line.lstrip().startswith("#todo[")
    ]


def _number(value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


if __name__ == "__main__":
    found = missing()
    print("\n".join(found) or "all that the report needs is there")
    sys.exit(1 if found else 0)
