"""Two pictures on top of each other, with a handle that wipes from one to the other, and their difference beside."""

from html import escape

import torch

from deeprestore_lab.core.checks import check_positive, describe
from deeprestore_lab.course.figures.encoding import check_text, picture
from deeprestore_lab.course.figures.rows import Figure, figure_html, psnr_text, row_html, tile

SCORE = '<span class="drl-score" style="white-space:nowrap">{}</span>'
GAIN = 4.0  # what differences are multiplied by to be seen


def wipe(
    before: torch.Tensor,
    after: torch.Tensor,
    *,
    alt: str,
    see: str,
    labels: tuple[str, str] = ("before", "after"),
    reference: torch.Tensor | None = None,
    gain: float = GAIN,
    zoom: int | None = None,
    format: str = "webp",
) -> Figure:
    """`after` on top of `before`, cut off at a handle that the reader moves, by mouse or keyboard, without a kernel.

    Beside it stand the signed difference, 1/2 + gain (after - before) / 2 in each channel, and the absolute one, the
    mean of |after - before| over channels times the gain. Both pictures are `(C, H, W)` or `(1, C, H, W)` in [0, 1], of
    one shape. With a `reference` the labels carry the PSNR in decibels. `alt`, `see`, `zoom` and `format` are those of
    `show`. Raises `ValueError` for shapes that differ and for a gain that is not above 0.
    """
    if not all(isinstance(x, torch.Tensor) for x in (before, after)) or before.shape != after.shape:
        raise ValueError(f"before and after must be images of one shape, got {describe(before)} and {describe(after)}")
    check_text(alt, name="alt")
    gain = check_positive(gain, name="gain", single=True)
    names = [
        escape(name) + (f"<br>{SCORE.format(psnr_text(x, reference))}" if reference is not None else "")
        for name, x in zip(labels, (before, after), strict=True)
    ]
    under, over = (
        picture(x, alt=f"{alt}: {name}", zoom=zoom, format=format)
        for name, x in zip(labels, (before, after), strict=True)
    )
    change = after - before
    shown = {
        f"difference × {gain:g}": 0.5 + gain * change / 2,
        f"its absolute value × {gain:g}": gain * change.abs().mean(-3, keepdim=True),
    }
    differences = [
        tile(picture(x.clamp(0, 1), alt=f"{alt}: {name}", zoom=zoom, format=format), label=name)
        for name, x in shown.items()
    ]
    body = row_html([_view(under, over, names, alt=alt), *differences])
    return Figure(figure_html(body, see=see), text=f"{alt} ({', '.join(labels)}, and their difference)")


def _view(under: str, over: str, names: list[str], *, alt: str) -> str:
    """Both pictures in one place; a plain range input sets how much of the lower one is left."""
    move = "this.parentNode.style.setProperty('--drl-at', this.value + '%')"
    top = "position:absolute;inset:0;clip-path:inset(0 0 0 var(--drl-at))"
    line = "position:absolute;top:0;bottom:0;left:var(--drl-at);width:2px;margin-left:-1px;background:#fff"
    return (
        '<div class="drl-tile drl-wipe" style="--drl-at:50%;width:min-content;max-width:100%;line-height:1.35">'
        f'<div style="position:relative;line-height:0;width:max-content;max-width:100%">{under}'
        f'<div style="{top}">{over}</div><div style="{line}"></div></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{escape(alt)}: from left to right" '
        f'style="width:100%;margin:0.4rem 0 0" oninput="{move}">'
        '<div style="display:flex;justify-content:space-between;gap:0.75rem">'
        f'<span style="text-align:left">{names[0]}</span><span style="text-align:right">{names[1]}</span></div></div>'
    )
