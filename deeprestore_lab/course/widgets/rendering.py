"""What a slider figure's function returns, as HTML with alternative text; and names for the figure's controls."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import torch
from matplotlib.figure import Figure as Drawing

from deeprestore_lab.course.figures.encoding import check_text, picture
from deeprestore_lab.course.figures.plots import drawing_tag
from deeprestore_lab.course.figures.rows import Figure, named_images, row_html, tile

Picture = torch.Tensor | Mapping[str, torch.Tensor] | Drawing | Figure | str
Outcome = Picture | tuple[Picture, str]
Alt = str | Callable[..., str]
NAMES_SCRIPT = Path(__file__).with_name("names.js").read_text(encoding="utf-8")  # labels become aria-labels


def alt_text(alt: Alt, *, labels: Mapping[str, str], settings: Mapping[str, object], text: str) -> str:
    """The alternative text at one setting: a format string of labels and `{text}`, or a function of the settings.

    Raises `ValueError` for a text that is empty, or names something that is no setting.
    """
    if callable(alt):
        return check_text(alt(**settings), name="alt")
    try:
        return check_text(alt, name="alt").format(**labels, text=text)
    except (KeyError, IndexError, AttributeError) as error:
        raise ValueError(
            f"alt names something that is no setting ({error}); it may name {', '.join(labels)}, text"
        ) from None


def render(
    outcome: Outcome,
    *,
    alt: Alt,
    labels: Mapping[str, str],
    settings: Mapping[str, object],
    zoom: int | None,
    format: str,
) -> str:
    """One position of the slider as HTML: its picture or pictures, and the line of text under them.

    Raises `ValueError` for a text that is no string, and as `alt_text` does.
    """
    shown, text = outcome if isinstance(outcome, tuple) and len(outcome) == 2 else (outcome, "")
    if not isinstance(text, str):
        raise ValueError(f"the text beside a picture must be a string, got {type(text).__name__}")
    words = alt_text(alt, labels=labels, settings=settings, text=text)
    return f'{_body(shown, words, zoom, format)}<div class="drl-summary" style="text-align:center">{escape(text)}</div>'


def _body(shown: Picture, words: str, zoom: int | None, format: str) -> str:
    if isinstance(shown, Drawing):
        return row_html([drawing_tag(shown, alt=words)])
    if isinstance(shown, Figure):
        return shown.html
    if isinstance(shown, str):
        if shown.count("<img") > shown.count("alt="):
            raise ValueError("HTML from the function holds an image without alt text")
        return shown
    if isinstance(shown, torch.Tensor) and (shown.ndim == 3 or shown.shape[0] == 1):
        return row_html([tile(picture(shown, alt=words, zoom=zoom, format=format))])
    if isinstance(shown, torch.Tensor | Mapping):
        tiles = {
            label: picture(x, alt=f"{words}: {label}", zoom=zoom, format=format)
            for label, x in named_images(shown).items()
        }
        return row_html([tile(img, label=label) for label, img in tiles.items()])
    raise ValueError(
        "the function of a slider figure returns an image, a mapping of labels to images, a matplotlib figure, a "
        f"Figure or HTML, or a pair of one of them and a text; got {type(shown).__name__}"
    )


def display_names() -> None:
    """Put the script on the notebook's page. It shows nothing, and runs once a page.

    ipywidgets gives its controls no name for those who cannot see them. The book has the script on every page; with a
    kernel each figure brings it along.
    """
    from IPython.display import display

    display({"text/plain": "", "application/javascript": NAMES_SCRIPT}, raw=True)
