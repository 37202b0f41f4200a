"""What a stranger meets first: each page's description and card, a real first page, a site map, a page not found.

The address of the published book comes from the variable `DEEPRESTORE_ADDRESS` at build (`scripts/book/address.py`);
what needs it is left out where it is not set.
"""

from __future__ import annotations

import re
import shutil
from html import escape
from pathlib import Path

from docutils import nodes

HERE = Path(__file__).resolve().parent
CARD = "_static/card.png"
LONGEST = 200  # characters of a description: what search engines and cards show of it
NOT_FOUND = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page not found: {title}</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 1.1rem/1.6 sans-serif; max-width: 34rem; margin: 15vh auto }}</style>
</head><body><h1>This page is not here</h1>
<p>It may have moved when chapters were renumbered. The <a href="{home}">first page</a> has a map of all chapters.</p>
</body></html>
"""


def shortened(text: str, *, longest: int = LONGEST) -> str:
    """A text on one line, cut after its last whole sentence, or else word, that fits.

    >>> shortened("One.  Two is here. Three does not fit.", longest=22)
    'One. Two is here.'
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    start = text[: longest + 1]
    ends = [match.end() for match in re.finditer(r"[.!?](?= )", start)]
    return start[: ends[-1]] if ends else start[:-1].rsplit(" ", 1)[0] + " ..."


def description(doctree: nodes.document | None) -> str:
    """The first paragraph of a page that is prose, shortened; empty for pages that have none."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        words = " ".join(paragraph.astext().split())
        if isinstance(paragraph.parent, nodes.section) and len(words) > 60:
            return shortened(words)
    return ""


def describe(app, pagename, templatename, context, doctree) -> None:
    """Add the description and what a link to the page looks like elsewhere to its head."""
    title = re.sub("<[^>]+>", "", context.get("title", "")) or app.config.html_title
    words, address = description(doctree), app.config.html_baseurl
    tags = {"og:type": "website", "og:site_name": app.config.html_title, "og:title": title, "og:description": words}
    if address:
        tags |= {"og:url": address + app.builder.get_target_uri(pagename), "og:image": address + CARD}
    lines = [f'<meta name="description" content="{escape(words)}">'] if words else []
    lines += [f'<meta property="{key}" content="{escape(value)}">' for key, value in tags.items() if value]
    if address:
        lines.append('<meta name="twitter:card" content="summary_large_image">')
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines])


def add_pages(app, error) -> None:
    """Write `index.html` as the first page itself, the page not found and, where the address is known, a site map."""
    if error is not None or app.builder.format != "html":
        return
    out, address = Path(app.outdir), app.config.html_baseurl
    root = app.config.root_doc
    if root != "index":
        shutil.copyfile(out / f"{root}.html", out / "index.html")
    home, title = address or "index.html", escape(app.config.html_title)
    (out / "404.html").write_text(NOT_FOUND.format(home=escape(home), title=title), encoding="utf-8")
    if address:
        places = sorted(app.builder.get_target_uri(name) for name in app.env.found_docs)
        lines = "".join(f"<url><loc>{escape(address + place)}</loc></url>\n" for place in places)
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        (out / "sitemap.xml").write_text(f"{head}{lines}</urlset>\n", encoding="utf-8")


def setup(app) -> dict[str, bool]:
    """Register the hooks, and the order of what the search finds."""
    app.config.html_search_scorer = str(HERE.parent / "_search" / "order.js")
    app.connect("html-page-context", describe)
    app.connect("build-finished", add_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
