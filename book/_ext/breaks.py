"""Where a long name in a table may be broken: after a dot, an underscore, a slash, a bracket, an equals sign."""

from __future__ import annotations

import re

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
NAME = re.compile(r'(?<=<span class="pre">)[^<]+')
PLACE = re.compile(r"(?<=[\w\])][._/(=])(?=[\w\"'])")


def breakable(body: str) -> str:
    """A page's body whose names in tables may be broken where a reader would break them. Copied text stays the same.

    >>> breakable('<table><span class="pre">solve/choice.py</span></table> <span class="pre">a.b</span>')
    '<table><span class="pre">solve/<wbr>choice.<wbr>py</span></table> <span class="pre">a.b</span>'
    """
    return TABLE.sub(lambda table: NAME.sub(lambda name: PLACE.sub("<wbr>", name[0]), table[0]), body)


def break_names(app, pagename, templatename, context, doctree) -> None:
    """Put the places into a page before it is written."""
    if "body" in context:
        context["body"] = breakable(context["body"])


def setup(app) -> dict[str, bool]:
    """Register the hook."""
    app.connect("html-page-context", break_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
