"""The pages of the library: `.. room:: operators` gives a table of what a module offers, then each name in full."""

from __future__ import annotations

import inspect
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


def drop_builtin(app, what, name, obj, options, lines: list[str]) -> None:
    """Leave out what Python says of `bool` and the like where an attribute has no words of its own."""
    told = "\n".join(lines).strip()
    if told and any(told == inspect.cleandoc(kind.__doc__) for kind in (bool, int, float, str, tuple, list, dict)):
        lines.clear()


def setup(app) -> dict[str, bool]:
    app.add_directive("room", Room)
    app.connect("autodoc-process-docstring", drop_builtin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
