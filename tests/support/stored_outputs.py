"""nbval's comparison of stored outputs with new ones, for a notebook that has run already: nbval would run it again."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, coalesce_streams, get_sanitize_patterns, nocolors

TAG = "nbval-check-output"
SANITIZE = Path(__file__).parents[1] / "nbval" / "sanitize.cfg"
SKIPPED = ("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count")  # as nbval does
SKIPPED += ("application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg")


def differences(stored: list[NotebookNode], run: list[NotebookNode]) -> list[str]:
    """What nbval has against the cells tagged for it: `stored` are a notebook's code cells, `run` the same, run."""
    if [cell.source for cell in stored] != [cell.source for cell in run]:
        return ["the cells that ran are not those of the notebook"]
    found = []
    for place, (old, new) in enumerate(zip(stored, run, strict=True), start=1):
        if TAG in old.metadata.get("tags", []):
            cell = _cell()
            outputs = (coalesce_streams(copy.deepcopy(list(one.outputs))) for one in (new, old))
            if not cell.compare_outputs(*outputs):
                found.append("\n".join([f"code cell {place}:", *map(str, cell.comparison_traceback)]))
    return found


def _cell() -> IPyNbCell:
    """A cell of nbval with what its comparison asks for, and neither a file nor a kernel."""
    cell = object.__new__(IPyNbCell)
    patterns = dict(get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")))
    cell.parent, cell.colors = SimpleNamespace(skip_compare=SKIPPED, sanitize_patterns=patterns), nocolors
    cell.format_output_compare = lambda key, old, new: cell.comparison_traceback.append(
        f"{key} is stored as\n{old}\nand was now\n{new}"
    )
    return cell
