"""What a cell prints in one go is one box, however many pieces it arrived in.

myst-nb's own setting joins all that a cell prints, so that what stands under a figure would move above it, and the
values of several claims away from their claims.
"""

from __future__ import annotations

from docutils import nodes


def printed(node: nodes.Node) -> bool:
    """Whether a part of a page is what a cell printed."""
    return isinstance(node, nodes.literal_block) and "stream" in node["classes"]


def join(doctree: nodes.document) -> None:
    """Join printed blocks that follow each other in a cell's output and are of one kind, in place."""
    for parent in {id(block.parent): block.parent for block in doctree.findall(printed)}.values():
        kept: list[nodes.Node] = []
        for node in parent.children:
            last = kept[-1] if kept else None
            if printed(node) and printed(last) and node["classes"] == last["classes"]:
                last.rawsource = last.astext() + node.astext()
                last[:] = [nodes.Text(last.rawsource)]
            else:
                kept.append(node)
        parent[:] = kept


def join_streams(app, doctree) -> None:
    """Join what the cells of a page print."""
    join(doctree)


def setup(app) -> dict[str, bool]:
    """Register the hook."""
    app.connect("doctree-read", join_streams)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
