"""The pages of the library: `.. room:: operators` gives a table of what a module offers, then each name in full.

A docstring names the chapter that teaches it by its file, `10_map`; the page has a link with the chapter's title there.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


def offered(name: str) -> list[str]:
    """The public classes and functions of a module: those of `__all__`, else those that it defines, in its order."""
    module = import_module(name)
    defined = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == name]
    names = getattr(module, "__all__", [key for key in defined if not key.startswith("_")])
    return [key for key in names if inspect.isclass(getattr(module, key)) or inspect.isroutine(getattr(module, key))]


class Room(SphinxDirective):
    """A module of the library by its name below the package; links to the sources come from `sphinx.ext.viewcode`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = f"deeprestore_lab.{self.arguments[0]}"
        lines = [f".. currentmodule:: {name}", "", ".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {each}" for each in offered(name)]
        lines += ["", f".. automodule:: {name}", "   :members:"]
        lines += ["   :imported-members:"] if hasattr(import_module(name), "__path__") else []
        parent = nodes.Element()
        self.state.nested_parse(StringList(lines, source=name), self.content_offset, parent)
        return parent.children


def chapter_links(lines: list[str], chapters: dict[str, str]) -> list[str]:
    """Lines with each name of a chapter's file as a link to its page; examples and code in backticks stay as they are.

    >>> chapter_links(["Taught in chapter 10_map.", ">>> open('10_map')"], {"10_map": "part3_priors/10_map"})
    ['Taught in chapter :doc:`/part3_priors/10_map`.', ">>> open('10_map')"]
    """
    linked, in_example = [], False
    for line in lines:
        in_example = (in_example and bool(line.strip())) or line.lstrip().startswith(">>>")
        parts = re.split(r"(`+[^`]*`+)", line)
        if not in_example:
            parts[::2] = [
                re.sub(r"(?<![\w/])\d\d_\w+", lambda found: _link(found[0], chapters), part) for part in parts[::2]
            ]
        linked.append("".join(parts))
    return linked


def _link(name: str, chapters: dict[str, str]) -> str:
    return f":doc:`/{chapters[name]}`" if name in chapters else name


def link_chapters(app, what, name, obj, options, lines: list[str]) -> None:
    """The chapters are the pages in the folders of the course's parts."""
    pages = [page for page in app.env.found_docs if page.startswith("part")]
    lines[:] = chapter_links(lines, {page.rpartition("/")[2]: page for page in pages})


def drop_builtin(app, what, name, obj, options, lines: list[str]) -> None:
    """Leave out what Python says of `bool` and the like where an attribute has no words of its own."""
    told = "\n".join(lines).strip()
    if told and any(told == inspect.cleandoc(kind.__doc__) for kind in (bool, int, float, str, tuple, list, dict)):
        lines.clear()


def setup(app) -> dict[str, bool]:
    app.add_directive("room", Room)
    app.connect("autodoc-process-docstring", drop_builtin)
    app.connect("autodoc-process-docstring", link_chapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
