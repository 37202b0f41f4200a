"""A box that is folded until a reader opens it, by HTML's own `details`: it opens without a script, too.

A page asks for it by the class `dropdown`, as in the theme, whose script would fold the box after the page is shown and
leave it open where scripts do not run.
"""

from __future__ import annotations

from docutils import nodes
from sphinx_exercise.nodes import solution_node


class Folded(nodes.General, nodes.Element):
    """A folded box; the first child is its `Summary`."""


class Summary(nodes.General, nodes.TextElement):
    """What is seen of a folded box."""


def is_dropdown(node: nodes.Node) -> bool:
    """Whether a part of a page is a box that asks to be folded."""
    return isinstance(node, nodes.Admonition) and "dropdown" in node["classes"]


def fold(doctree: nodes.document) -> None:
    """Make the boxes of a page that ask for it folded ones, in place.

    A solution stands below its exercise: a link up to it would be a second thing to press in the same line.
    """
    for box in list(doctree.findall(is_dropdown)):
        title, *inside = box.children
        summary = [nodes.Text("Solution")] if isinstance(box, solution_node) else title.children
        classes = [name for name in box["classes"] if name != "dropdown"]
        folded = Folded("", Summary("", "", *summary), *inside, ids=box["ids"], classes=[*classes, "drl-folded"])
        box.parent.replace(box, folded)


def fold_boxes(app, doctree, docname) -> None:
    """Fold the boxes of a page that a browser shows."""
    if app.builder.format == "html":
        fold(doctree)


def visit_folded(self, node: Folded) -> None:
    """Open the element."""
    self.body.append(self.starttag(node, "details", CLASS="admonition"))


def depart_folded(self, node: Folded) -> None:
    """Close the element."""
    self.body.append("</details>\n")


def visit_summary(self, node: Summary) -> None:
    """Open the element."""
    self.body.append(self.starttag(node, "summary", suffix="", CLASS="admonition-title"))


def depart_summary(self, node: Summary) -> None:
    """Close the element."""
    self.body.append("</summary>\n")


def setup(app) -> dict[str, bool]:
    """Register the boxes and the hook."""
    app.add_node(Folded, html=(visit_folded, depart_folded))
    app.add_node(Summary, html=(visit_summary, depart_summary))
    app.connect("doctree-resolved", fold_boxes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
