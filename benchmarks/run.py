"""Run the benchmarks: a table on the screen and one JSON file in benchmarks/results/.

    python -m benchmarks.run                 all of them
    python -m benchmarks.run tv batch        those whose file name holds one of the words
    python -m benchmarks.run --list          their names

Each `bench_*.py` beside this file has a `run()` that returns rows: dicts with name, ours_s, peer, peer_s, ratio (how
many times faster than the peer), goal, met and note. All figures of a row come from one run on two threads.
"""

from __future__ import annotations

import os

THREADS = 2
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read once, when torch is imported
    os.environ.setdefault(variable, str(THREADS))

import argparse  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from deeprestore_lab.core.writing import write_whole  # noqa: E402

HERE = Path(__file__).resolve().parent


def benchmarks(words: list[str]) -> list[Path]:
    """The benchmark files whose name holds one of `words`, all without words."""
    files = sorted(HERE.glob("bench_*.py"))
    return [file for file in files if not words or any(word in file.stem for word in words)]


def load(file: Path):
    """The module of one benchmark."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(rows: list[dict]) -> Table:
    """The rows for the screen."""
    view = Table(title=f"{THREADS} threads, seconds")
    for column in ("what", "ours", "peer", "peer's", "ratio", "goal", "met", "note"):
        view.add_column(column, justify="right" if column in ("ours", "peer's", "ratio") else "left")
    for row in rows:
        met = {True: "yes", False: "no", None: ""}[row["met"]]
        times = [f"{row[key]:.3g}" if row[key] is not None else "" for key in ("ours_s", "peer_s", "ratio")]
        view.add_row(row["name"], times[0], row["peer"], times[1], times[2], row["goal"], met, row["note"])
    return view


def write(rows: list[dict], folder: Path) -> Path:
    """Write the rows and what they were measured on, in one go."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": THREADS,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,  # its own threads are in it
    }
    path = folder / f"bench-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    write_whole(path, json.dumps({"machine": machine, "rows": rows}, indent=1).encode())
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks asked for; 2 where there is none."""
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("words", nargs="*", help="run those whose file name holds one of these words")
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="folder for the JSON file")
    options = parser.parse_args(arguments)
    files = benchmarks(options.words)
    if not files:
        print(f"no benchmark matches {' '.join(options.words)}; there are: {names(benchmarks([]))}", file=sys.stderr)
        return 2
    if options.list:
        print(names(files))
        return 0
    torch.set_num_threads(THREADS)
    rows = []
    for file in files:
        rows += load(file).run()
    written = write(rows, options.results)  # first: a table that fails must not lose minutes of measuring
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table(rows))
    print(f"written to {written}")
    return 0


def names(files: list[Path]) -> str:
    """The names of the benchmarks, without `bench_`."""
    return ", ".join(file.stem.removeprefix("bench_") for file in files)


if __name__ == "__main__":
    sys.exit(main())
