"""The button that opens a chapter, or the notebook of an exercise, in Colab.

`colab_address` is where Colab opens the published branch, `colab_pages` the pages that have a copy there: the build
gives both (`scripts/book/colab.py`), and without them there is no button. The theme's own button would open the
notebook as it lies in the repository, which does not install the package.
"""

from __future__ import annotations

LABEL = "launch-buttons"


def add_button(app, pagename, templatename, context, doctree) -> None:
    """Add the button to the page's group of launch buttons, made where there is none."""
    if not app.config.colab_address or pagename not in app.config.colab_pages:
        return
    groups = context.setdefault("header_buttons", [])
    group = next((group for group in groups if group.get("label") == LABEL), None)
    if group is None:
        group = {"type": "group", "tooltip": "Launch interactive content", "icon": "fas fa-rocket", "label": LABEL}
        groups.append(group | {"buttons": []})
        group = groups[-1]
    group["buttons"].append(
        {
            "type": "link",
            "text": "Colab",
            "tooltip": "Launch on Colab",
            "icon": "_static/images/logo_colab.png",
            "url": f"{app.config.colab_address}/{pagename}.ipynb",
        }
    )


def setup(app) -> dict[str, bool]:
    """Register the settings, and the hook after the theme's own (501)."""
    app.add_config_value("colab_address", "", "html", types=[str])
    app.add_config_value("colab_pages", [], "html", types=[list])
    app.connect("html-page-context", add_button, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
