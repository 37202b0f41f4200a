"""What the theme leaves unsaid to a screen reader: the names of its buttons that unfold something.

The pages are edited after they are written, since the theme makes these parts itself. An edited page is left as it is.
"""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path

# The button that unfolds a part of the side bar holds a picture alone; the link before it says what it unfolds.
UNFOLDS = re.compile(r"(?P<link><a [^>]*>(?P<title>[^<]*)</a><details[^>]*>)<summary>(?=<span class=.toctree-toggle)")
# A folded cell says "Show code cell source" itself; another name would be read out in its place.
FOLDED = '<summary aria-label="Toggle hidden content">'


def named(page: str) -> str:
    """A page whose unfolding buttons have names.

    >>> named('<a href="x">Losses</a><details><summary><span class="toctree-toggle">')
    '<a href="x">Losses</a><details><summary aria-label="Pages of Losses"><span class="toctree-toggle">'
    """

    def with_name(found: re.Match) -> str:
        title = " ".join(unescape(found["title"]).split())
        return f'{found["link"]}<summary aria-label="{escape(f"Pages of {title}")}">'

    return UNFOLDS.sub(with_name, page).replace(FOLDED, "<summary>")


def name_buttons(app, error) -> None:
    """Edit every page that was written."""
    if error is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        page = path.read_text(encoding="utf-8")
        if (edited := named(page)) != page:
            path.write_text(edited, encoding="utf-8")


def setup(app) -> dict[str, bool]:
    """Register the hook, after the one that writes the last pages."""
    app.connect("build-finished", name_buttons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
