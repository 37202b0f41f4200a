"""Check that notebooks keep only the outputs they should; `--fix` strips the rest.

A cell tagged `nbval-check-output` must keep its text output: the tests compare it with what the cell gives when it
runs, and a missing one would pass unseen. Every other cell keeps none. Execution counts are never stored, but for a
1 in tagged cells: nbval takes a cell without one as never run. Nor are widget state and what a machine or an editor
adds to the metadata. A figure that is not the last thing of its cell is shown nowhere. Only the standard library is
used: the check is quick.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts import ROOT

FOLDERS = ("book", "exercises")
BUILT = {"_build", "extra", "node_modules", ".ipynb_checkpoints", "release", "submitted", "autograded", "feedback"}
TAG = "nbval-check-output"
TEXT_TYPES = {"text/plain", "text/html"}  # the value shown beside a claim is HTML
CELL_METADATA = {"tags", "mystnb", "nbgrader", "slideshow", "editable", "deletable"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
METADATA = {"kernelspec": KERNEL, "language_info": {"name": "python"}}


def notebooks(root: Path = ROOT) -> list[Path]:
    """All notebooks of the course, built copies left out."""
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.ipynb"))]
    return [path for path in found if not BUILT & set(path.relative_to(root).parts)]


def is_text(output: dict) -> bool:
    """Whether an output is text alone: a stream, or a result without picture, script or widget."""
    if output["output_type"] == "stream":
        return output.get("name") == "stdout"
    html = "".join(output.get("data", {}).get("text/html", ""))
    return set(output.get("data", {"image": ""})) <= TEXT_TYPES and "<img" not in html and "<script" not in html


def holds(outputs: list[dict]) -> int:
    """How many claims are printed as holding."""
    text = "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")
    return sum(line.startswith("holds: ") for line in text.splitlines())


def values(outputs: list[dict]) -> int:
    """How many values are stored that stand beside claims."""
    return sum("drl-measured" in "".join(output.get("data", {}).get("text/html", "")) for output in outputs)


def is_clean(output: dict) -> bool:
    """Whether a stored output carries neither an execution count nor metadata."""
    return output.get("execution_count") is None and not output.get("metadata")


def count_to_store(cell: dict) -> int | None:
    """The execution count a stored code cell has: 1 where its outputs are compared, else none."""
    return 1 if TAG in cell.get("metadata", {}).get("tags", []) else None


def output_problems(cell: dict) -> Iterator[str]:
    """What is wrong with the outputs of a code cell."""
    outputs = cell.get("outputs", [])
    if TAG not in cell.get("metadata", {}).get("tags", []):
        if outputs:
            yield f"stores an output; only cells tagged {TAG} may"
        return
    if not any(is_text(output) for output in outputs):
        yield f"is tagged {TAG} but keeps no text output: run the notebook, then save it"
    if holds(outputs) != values(outputs):
        yield "stores claims without their values: build the book, then python -m scripts.book.store"
    if not all(is_text(output) for output in outputs):
        yield "is compared by the tests, so it may show text alone: move the figure to a cell of its own"
    if not all(is_clean(output) for output in outputs):
        yield "stores metadata or an execution count in an output"


def lost_figures(source: str) -> Iterator[str]:
    """The calls of a cell that make a figure and neither keep it nor end the cell, so that nobody sees it.

    A cell with a line that is no Python (`%pip`) is not looked at.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return
    for statement in body[:-1]:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            name = ast.unparse(statement.value.func)
            if {"figures", "widgets"} & set(name.split(".")[:-1]):
                yield name


def problems(notebook: dict) -> Iterator[str]:
    """All that is wrong with a notebook, one sentence each, naming the cell by its place, from 1."""
    if notebook.get("metadata") != METADATA:
        yield "the notebook's metadata are not the plain ones"
    for place, cell in enumerate(notebook.get("cells", []), start=1):
        if extra := sorted(set(cell.get("metadata", {})) - CELL_METADATA):
            yield f"cell {place} stores metadata of a machine or editor: {', '.join(extra)}"
        if cell["cell_type"] != "code":
            continue
        if cell.get("execution_count") != count_to_store(cell):
            yield f"cell {place} stores the execution count {cell.get('execution_count')}, not {count_to_store(cell)}"
        for problem in output_problems(cell):
            yield f"cell {place} {problem}"
        for name in lost_figures("".join(cell["source"])):
            yield f"cell {place} makes a figure that is not shown: {name}(...) must be its last statement"


def stripped(notebook: dict) -> dict:
    """The notebook without what should not be stored; what it lacks cannot be made up here."""
    cells = []
    for cell in notebook["cells"]:
        metadata = {key: value for key, value in cell.get("metadata", {}).items() if key in CELL_METADATA}
        cell = cell | {"metadata": metadata}
        if cell["cell_type"] == "code":
            kept = cell.get("outputs", []) if TAG in metadata.get("tags", []) else []
            cell |= {"execution_count": count_to_store(cell), "outputs": [_plain(output) for output in kept]}
        cells.append(cell)
    return notebook | {"metadata": METADATA, "cells": cells}


def _plain(output: dict) -> dict:
    output = output | ({"execution_count": None} if output["output_type"] == "execute_result" else {})
    return output | ({"metadata": {}} if "metadata" in output else {})


def main(arguments: list[str] | None = None) -> int:
    """Check, or fix, the notebooks named or all of the course; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description="Check that notebooks keep only the outputs they should.")
    parser.add_argument("--fix", action="store_true", help="strip what should not be stored")
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    paths, wrong = options.paths or notebooks(), 0
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if options.fix and (fixed := stripped(notebook)) != notebook:
            notebook = fixed
            text = json.dumps(fixed, indent=1, ensure_ascii=False) + "\n"
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path}: stripped")
        for problem in problems(notebook):
            wrong += 1
            print(f"{path}: {problem}", file=sys.stderr)
    print(f"{len(paths)} notebooks checked, {wrong} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
