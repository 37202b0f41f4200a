"""The pictures of an exercise's page: what a cell of the solved notebook prints and draws.

A page asks with `{solved} EXERCISE CELL`, by the cell's id; `scripts/book/solved.py` ran the notebook and left the
outputs in the folder of the setting `solved_exercises`. A cell that shows nothing leaves nothing, nor does a build
without that folder.
"""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def outputs(folder: Path, exercise: str, cell: str) -> tuple[Path | None, list[dict[str, str]]]:
    """The file of an exercise, where there is one, and what a cell of it shows."""
    files = sorted(folder.glob(f"{exercise}-*.json"), key=lambda path: path.stat().st_mtime)
    if not files:
        return None, []
    return files[-1], json.loads(files[-1].read_text(encoding="utf-8")).get(cell, [])


class Solved(SphinxDirective):
    """What a cell shows, as a cell's output."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        folder = self.config.solved_exercises
        path, shown = outputs(Path(folder), *self.arguments) if folder else (None, [])
        if path:
            self.env.note_dependency(str(path))
        if not shown:
            return []
        box = nodes.container(classes=["drl-solved", "cell_output"])
        for one in shown:
            if "html" in one:
                inner = nodes.container(classes=["output", "text_html"])
                inner += nodes.raw("", one["html"], format="html")
            else:
                inner = nodes.container(classes=["output", "stream"])
                inner += nodes.literal_block(one["text"], one["text"], language="none")
            box += inner
        return [nodes.paragraph("", "The solved notebook shows:", classes=["drl-solved-lead"]), box]


def setup(app) -> dict[str, bool]:
    """Register the directive and its setting."""
    app.add_config_value("solved_exercises", "", "env", types=[str])
    app.add_directive("solved", Solved)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
