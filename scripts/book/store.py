"""Store in the chapters what their claim cells printed when the book was last built.

    python -m scripts.book.store [NAME ...]

NAME is a page's name, or a part of it; all chapters where none is given. Only cells tagged `nbval-check-output` keep
anything, and a chapter that has changed since it last ran is refused: it would store what another cell printed.
"""

from __future__ import annotations

import argparse
import json
import sys

from scripts.book.build import HERE
from scripts.book.chapters import last_run
from scripts.book.check_notebooks import TAG, stripped
from scripts.book.places import Places, chapters


def store(places: Places, names: list[str]) -> tuple[list[str], list[str]]:
    """Store the outputs; the names of the chapters that changed, and a sentence for each that could not be stored."""
    paths = {name: path for name, path in chapters(places).items() if not names or any(one in name for one in names)}
    changed, refused = [], [f"no chapter is called {one}" for one in names if not any(one in name for name in paths)]
    for name, path in paths.items():
        run = last_run(places, path)
        if run is None:
            refused.append(f"{name} has changed since the book was built, or was never built")
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for cell, ran in zip(cells, run, strict=True):
            if TAG in cell.get("metadata", {}).get("tags", []):
                cell["outputs"] = [as_lines(output) for output in ran.outputs]
        text = json.dumps(stripped(notebook), indent=1, ensure_ascii=False) + "\n"
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8", newline="\n")
            changed.append(name)
    return changed, refused


def as_lines(output: dict) -> dict:
    """An output as notebook files hold it: each text a list of lines."""
    output = json.loads(json.dumps(output))
    if isinstance(output.get("text"), str):
        output["text"] = output["text"].splitlines(keepends=True)
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str):
            output["data"][kind] = value.splitlines(keepends=True)
    return output


def main(arguments: list[str] | None = None) -> int:
    """Store, and say what changed; 1 where a chapter could not be stored."""
    parser = argparse.ArgumentParser(prog="python -m scripts.book.store", description="Store the claims' outputs.")
    parser.add_argument("names", nargs="*", help="pages, or parts of their names; all where none is given")
    changed, refused = store(HERE, parser.parse_args(arguments).names)
    for name in changed:
        print(f"{name}: stored")
    for sentence in refused:
        print(sentence, file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
