"""Run the makers of artifacts: the modules of `scripts.records` and `scripts.weights`."""

from __future__ import annotations

import argparse
import pkgutil
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

KINDS = ("records", "weights")


def makers(package: str) -> list[str]:
    """The names of the makers in a package, those starting with an underscore left out."""
    found = pkgutil.iter_modules(import_module(package).__path__)
    return sorted(module.name for module in found if not module.name.startswith("_"))


def load(package: str, name: str) -> ModuleType:
    """A maker's module. Raises `ValueError` where it has no function `main`."""
    module = import_module(f"{package}.{name}")
    if not callable(getattr(module, "main", None)):
        raise ValueError(f"{package}.{name} has no function main()")
    return module


def run(package: str, names: Sequence[str], *, kind: str) -> int:
    """Run the named makers of a package, or all of them; return the exit status."""
    known = makers(package)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no {kind} called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"Making {kind} {name} ...", flush=True)
        start = time.perf_counter()
        load(package, name).main()
        print(f"... {name} done in {time.perf_counter() - start:.0f} s", flush=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: which kind of artifact, then names; all without names."""
    parser = argparse.ArgumentParser(prog="python -m scripts.making", description="Make shipped artifacts again.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("names", nargs="*", help="all without a name")
    options = parser.parse_args(arguments)
    return run(f"scripts.{options.kind}", options.names, kind=options.kind)
