"""Names for the controls of slider figures, which ipywidgets gives to nobody who cannot see them.

`names.js` copies the label beside a slider or a row of toggles to its `aria-label`. The book has it on every page, and
with a kernel each figure brings it along.
"""

from __future__ import annotations

from pathlib import Path

NAMES_SCRIPT = Path(__file__).with_name("names.js").read_text(encoding="utf-8")


def display_names() -> None:
    """Put the script on the notebook's page. It shows nothing, and runs once a page."""
    from IPython.display import display

    display({"text/plain": "", "application/javascript": NAMES_SCRIPT}, raw=True)
