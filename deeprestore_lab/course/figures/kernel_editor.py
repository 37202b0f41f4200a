"""A grid of numbers to type a kernel into, and what it answers on a picture, in the page without a kernel of Python."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

import torch
from torch.nn.functional import conv2d, pad

from deeprestore_lab.core.checks import check_images, describe
from deeprestore_lab.course.figures.encoding import check_text, picture
from deeprestore_lab.course.figures.rows import Figure, figure_html, row_html, tile

SCRIPT = Path(__file__).with_suffix(".js")


def kernel_editor(
    x: torch.Tensor,
    kernels: Mapping[str, torch.Tensor],
    *,
    alt: str,
    see: str,
    gain: float = 0.5,
    zoom: int | None = None,
) -> Figure:
    """A picture, a kernel to edit, and the response: 1/2 + gain r where its sign is shown, max(r, 0) after a ReLU.

        r[p] = sum_k w[k] x[p + k],  the border repeated (cross-correlation, as a network's layer)

    `x` is one grey picture `(1, 1, H, W)` in [0, 1]; `kernels` are the starts that a button brings, by name, all of one
    odd size `(k, k)`, k at most 7; the first one stands there at first. The reader's browser computes the response at
    each change; before that, and where there is no JavaScript, the one computed here is shown. `alt`, `see` and `zoom`
    are those of `show`. Raises `ValueError` for another picture or for kernels that do not fit. Taught in chapter
    01_patterns.
    """
    check_images(x, name="x", channels=1)
    if len(x) != 1:
        raise ValueError(f"x must be one picture (1, 1, H, W), got {describe(x)}")
    check_text(alt, name="alt")
    side = _check_kernels(kernels)
    first = next(iter(kernels.values()))
    r = conv2d(pad(x, [side // 2] * 4, mode="replicate"), first[None, None].to(x))
    shown = (0.5 + gain * r).clamp(0, 1)
    tiles = [
        tile(picture(x, alt=f"{alt}: the picture", zoom=zoom, format="png"), label="the picture"),
        _panel(kernels, side),
        tile(picture(shown, alt=f"{alt}: the response", zoom=zoom, format="png"), label="the response"),
    ]
    values = {name: [round(v, 4) for v in w.flatten().tolist()] for name, w in kernels.items()}
    settings = escape(json.dumps({"kernels": values, "side": side, "gain": gain}))
    body = f'<div class="drl-kernel-editor" data-settings="{settings}">{row_html(tiles)}</div>'
    script = f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    return Figure(figure_html(body, see=see) + script, text=f"{alt} (a kernel to edit, and its response)")


def _check_kernels(kernels: Mapping[str, torch.Tensor]) -> int:
    """The side of the kernels, if all are square, odd and of one size."""
    if not isinstance(kernels, Mapping) or not kernels:
        raise ValueError(f"kernels must map names to kernels (k, k), got {kernels!r}")
    shapes = {tuple(w.shape) if isinstance(w, torch.Tensor) else type(w).__name__ for w in kernels.values()}
    shape = shapes.pop()
    if shapes or len(shape) != 2 or shape[0] != shape[1] or shape[0] not in (1, 3, 5, 7):
        got = {name: describe(w) for name, w in kernels.items()}
        raise ValueError(f"kernels must all be (k, k) of one odd k up to 7, got {got}")
    return shape[0]


def _panel(kernels: Mapping[str, torch.Tensor], side: int) -> str:
    """The numbers, a button for each start, the switch of the ReLU and the sum."""
    first = next(iter(kernels.values())).flatten().tolist()
    style = "width:3.6em;padding:2px;font:inherit;text-align:right;box-sizing:border-box"
    cells = "".join(
        f'<input type="number" step="0.1" value="{value:g}" style="{style}" '
        f'aria-label="weight in row {place // side + 1}, column {place % side + 1}">'
        for place, value in enumerate(first)
    )
    buttons = "".join(
        f'<button type="button" data-kernel="{escape(name)}" style="font:inherit">{escape(name)}</button>'
        for name in kernels
    )
    return (
        '<div class="drl-tile" style="display:flex;flex-direction:column;gap:0.5rem;max-width:16rem">'
        f'<div style="display:grid;grid-template-columns:repeat({side},max-content);gap:2px" role="group" '
        f'aria-label="the kernel">{cells}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:4px">{buttons}</div>'
        '<label><input type="checkbox"> ReLU: keep what is above 0</label>'
        '<div class="drl-score" role="status">&nbsp;</div></div>'
    )
