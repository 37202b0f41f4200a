"""Write into each chapter's page which run of its notebook it shows.

`scripts/book/pages.py` compares that with the run of the present build, so that a page that shows anything else
(the outputs stored in git, or those of an earlier build) is refused.
"""

from __future__ import annotations


def stamp(data: dict | None) -> str | None:
    """The name of a run, from what myst-nb keeps about it: when it was made; "failed", or None for a plain page.

    >>> stamp({"succeeded": True, "mtime": 1.5}), stamp({"succeeded": False, "mtime": 1.5}), stamp(None)
    ('1.500000', 'failed', None)
    """
    if not data:
        return None
    return f"{data['mtime']:.6f}" if data["succeeded"] else "failed"


def name_run(app, pagename, templatename, context, doctree) -> None:
    """Add the name of the run to the head of the page."""
    name = stamp(getattr(app.env, "nb_metadata", {}).get(pagename, {}).get("exec_data"))
    if name:
        context["metatags"] = f'{context.get("metatags", "")}\n<meta name="executed" content="{name}">'


def setup(app) -> dict[str, bool]:
    """Register the hook."""
    app.connect("html-page-context", name_run)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
