"""Where a line may be broken: a long name in a table after a dot, an underscore, a slash, a bracket, an equals sign;
and not between a formula and the point or comma after it."""

from __future__ import annotations

import re

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
NAME = re.compile(r'(?<=<span class="pre">)[^<]+')
PLACE = re.compile(r"(?<=[\w\])][._/(=])(?=[\w\"'])")
FORMULA = re.compile(r'(<span class="math notranslate nohighlight">[^<]*</span>[.,;:?!)]+)')


def breakable(body: str) -> str:
    """A page's body whose names in tables may be broken where a reader would break them. Copied text stays the same.

    >>> breakable('<table><span class="pre">solve/choice.py</span></table> <span class="pre">a.b</span>')
    '<table><span class="pre">solve/<wbr>choice.<wbr>py</span></table> <span class="pre">a.b</span>'
    """
    return TABLE.sub(lambda table: NAME.sub(lambda name: PLACE.sub("<wbr>", name[0]), table[0]), body)


def kept(body: str) -> str:
    """A page's body in which a formula and the point or comma after it stay on one line.

    >>> kept('<span class="math notranslate nohighlight">x</span>, so')
    '<span class="drl-keep"><span class="math notranslate nohighlight">x</span>,</span> so'
    """
    return FORMULA.sub(r'<span class="drl-keep">\1</span>', body)


def break_names(app, pagename, templatename, context, doctree) -> None:
    """Put both into a page before it is written."""
    if "body" in context:
        context["body"] = kept(breakable(context["body"]))


def setup(app) -> dict[str, bool]:
    """Register the hook."""
    app.connect("html-page-context", break_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
