"""Run the scripts of a folder that make artifacts: what `make_records.py` and `make_weights.py` share."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


def makers(folder: Path) -> dict[str, Path]:
    """The scripts of a folder by name, those starting with an underscore left out."""
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}


def load(path: Path) -> ModuleType:
    """A script as a module. Raises `ValueError` where it has no function `main`."""
    spec = importlib.util.spec_from_file_location(f"maker_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "main", None)):
        raise ValueError(f"{path.name} has no function main()")
    return module


def run(folder: Path, names: Sequence[str], *, kind: str) -> int:
    """Run the named makers, or all of them; return the exit status."""
    known = makers(folder)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no {kind} called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}", file=sys.stderr)
        return 2
    if not known:
        print(f"This version ships no {kind}, so there is nothing to make.")
    for name in names or known:
        print(f"Making {kind} {name} ...", flush=True)
        start = time.perf_counter()
        load(known[name]).main()
        print(f"... {name} done in {time.perf_counter() - start:.0f} s", flush=True)
    return 0
