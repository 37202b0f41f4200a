"""Rows of pictures with labels and scores, as one HTML figure with alternative text."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.course.figures.encoding import check_text, picture
from deeprestore_lab.measures.metrics import psnr


class Figure:
    """A finished figure: HTML for the page, and its alternative text where there is no HTML."""

    def __init__(self, html: str, *, text: str) -> None:
        self.html, self.text = html, text

    def __repr__(self) -> str:
        return f"Figure: {self.text}"

    def _repr_html_(self) -> str:
        return self.html


def figure_html(body: str, *, see: str) -> str:
    """A `<figure>` around `body` with the sentence of what to see as its caption.

    Raises `ValueError` for an empty text.
    """
    return f'<figure class="drl-figure">{body}<figcaption>{escape(check_text(see, name="see"))}</figcaption></figure>'


def tile(img: str, *, label: str = "", score: str = "") -> str:
    """One picture with its label and score under it."""
    lines = f"<span>{escape(label)}</span>" if label else ""
    lines += f'<span class="drl-score">{escape(score)}</span>' if score else ""
    style = "display:flex;flex-direction:column;align-items:center;text-align:center;min-width:0;line-height:1.35"
    return f'<div class="drl-tile" style="{style}">{img}{lines}</div>'


def row_html(tiles: Sequence[str], *, columns: int | None = None, gap: str = "0.75rem") -> str:
    """Tiles beside each other, wrapping where the window is narrow; at most `columns` beside each other."""
    grid = f"display:grid;grid-template-columns:repeat({columns},minmax(0,max-content));max-width:100%;"
    flow = grid if columns else "display:flex;flex-wrap:wrap;"
    return f'<div class="drl-row" style="{flow}gap:{gap};justify-content:center">{"".join(tiles)}</div>'


def named_images(images: Mapping[str, torch.Tensor] | Sequence[torch.Tensor] | torch.Tensor) -> dict[str, torch.Tensor]:
    """Images by label, each `(1, C, H, W)`: a mapping as it is, a batch or a list numbered from 1.

    A batch in a mapping is taken apart too: "label 1", "label 2", ... Raises `ValueError` for an empty one.
    """
    if isinstance(images, torch.Tensor):
        images = list(images) if images.ndim == 4 else [images]
    if not isinstance(images, Mapping):
        images = {str(number): image for number, image in enumerate(images, start=1)}
    named: dict[str, torch.Tensor] = {}
    for label, image in images.items():
        if not isinstance(image, torch.Tensor) or image.ndim not in (3, 4):
            raise ValueError(f"image {label!r} must be a tensor (C, H, W) or (N, C, H, W), got {describe(image)}")
        batch = image if image.ndim == 4 else image[None]
        many = batch.shape[0] > 1
        named |= {f"{label} {n}" if many else str(label): one[None] for n, one in enumerate(batch, start=1)}
    if not named:
        raise ValueError("there is no image to show")
    return named


def psnr_text(x: torch.Tensor, reference: torch.Tensor) -> str:
    """PSNR of `x` against `reference`, both in [0, 1], as text: 10 log10(1 / mean squared error) dB.

    Raises `ValueError` for a reference of another shape.
    """
    if not isinstance(reference, torch.Tensor) or x.shape[-3:] != reference.shape[-3:]:
        raise ValueError(f"reference must have the image's shape {tuple(x.shape[-3:])}, got {describe(reference)}")
    x, reference = (image.reshape(-1, *image.shape[-3:]).double() for image in (x, reference))
    value = float(psnr(x, reference))
    return f"{value:.1f} dB" if value < math.inf else "exact"


def show(
    images: Mapping[str, torch.Tensor] | Sequence[torch.Tensor] | torch.Tensor,
    *,
    alt: str,
    see: str,
    reference: torch.Tensor | None = None,
    scores: Mapping[str, str] | None = None,
    columns: int | None = None,
    zoom: int | None = None,
    format: str = "webp",
) -> Figure:
    """Pictures beside each other, with their labels, and under each its PSNR where a `reference` is given.

    `images` maps labels to images in [0, 1], `(C, H, W)` or `(1, C, H, W)` (a list or a batch is numbered).
    `alt` says what the pictures are, for those who do not see them; `see` what there is to notice, for all.
    `scores` gives other lines under the labels. Pixels are magnified by the whole number `zoom` and kept sharp.
    A picture that equals the reference is marked "exact". Raises `ValueError` for shapes that do not fit.
    """
    named = named_images(images)
    check_text(alt, name="alt")
    unknown = set(scores or {}) - set(named)
    if unknown:
        raise ValueError(f"scores name no image: {', '.join(sorted(unknown))} (images: {', '.join(named)})")
    lines = {label: psnr_text(x, reference) for label, x in named.items()} if reference is not None else {}
    lines |= dict(scores or {})
    tiles = [
        tile(
            picture(x, alt=alt if len(named) == 1 else f"{alt}: {label}", zoom=zoom, format=format),
            label=label if isinstance(images, Mapping) or len(named) > 1 else "",
            score=lines.get(label, ""),
        )
        for label, x in named.items()
    ]
    return Figure(figure_html(row_html(tiles, columns=columns), see=see), text=f"{alt} ({', '.join(named)})")
