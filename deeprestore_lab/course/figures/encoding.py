"""Pictures as bytes and as HTML: PNG or WebP, embedded in the page, always with alternative text."""

import base64
import io
from html import escape

import numpy as np
import torch
from PIL import Image

from deeprestore_lab.core.checks import check_choice, check_not_bytes, check_whole, describe

HALF = 320  # page pixels: a picture up to this wide, and no strip, can be read at half the width of a telephone
LEAST = 0.65  # of a drawing's size: smaller, its letters cannot be read
FORMATS = ("webp", "webp-lossless", "png", "png-palette")
MIME = {"webp": "image/webp", "webp-lossless": "image/webp", "png": "image/png", "png-palette": "image/png"}


def to_bytes8(x: torch.Tensor) -> np.ndarray:
    """One image in [0, 1], `(C, H, W)` or `(1, C, H, W)`, C 1 or 3, as `(H, W, C)` of bytes, rounded and clipped.

    Raises `ValueError` for another shape, for values that are not finite, and for those of bytes already.
    """
    if not isinstance(x, torch.Tensor) or not (x.ndim == 3 or (x.ndim == 4 and x.shape[0] == 1)):
        raise ValueError(f"an image to show has shape (C, H, W) or (1, C, H, W), got {describe(x)}")
    x = x.detach().reshape(x.shape[-3:]).float().cpu()
    if x.shape[0] not in (1, 3) or x.numel() == 0:
        raise ValueError(f"an image to show has 1 or 3 channels and is not empty, got {describe(x)}")
    if not torch.isfinite(x).all():
        raise ValueError(f"an image to show must hold finite values, got {int((~torch.isfinite(x)).sum())} others")
    check_not_bytes(x, name="an image to show")
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def encode(x: torch.Tensor, *, format: str = "webp") -> bytes:
    """One image in [0, 1] as a file's bytes.

    `format`: "webp" (lossy, small, for sliders), "webp-lossless", "png", or "png-palette" (256 colours, for
    drawings). Raises `ValueError` for another format or image.

    >>> encode(torch.zeros(1, 3, 2, 2), format="png")[1:4]
    b'PNG'
    """
    check_choice(format, FORMATS, name="format")
    array = to_bytes8(x)
    image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    buffer = io.BytesIO()
    if format == "webp":
        image.save(buffer, "WEBP", quality=90, method=6, use_sharp_yuv=True)
    elif format == "webp-lossless":
        image.save(buffer, "WEBP", lossless=True, quality=90, method=4)
    elif format == "png":
        image.save(buffer, "PNG", optimize=True)
    else:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def img_tag(raw: bytes, *, mime: str, alt: str, width: int, height: int, pixelated: bool = False) -> str:
    """An `<img>` with the picture inside it. `width` and `height` are its size on the page in CSS pixels.

    The page's style sheet may set a small picture (`drl-half`) beside another where the page is narrow, and
    learns how far a drawing may shrink (`--drl-least`). Raises `ValueError` for an empty text.
    """
    check_text(alt, name="alt")
    drawn = mime == "image/svg+xml"
    half = not drawn and width <= HALF and 2 * width <= 3 * height
    kinds = " ".join(kind for kind, fits in {"drl-pixels": pixelated, "drl-half": half}.items() if fits)
    look = f' class="{kinds}"' if kinds else ""
    style = f"max-width:100%;height:auto;{'image-rendering:pixelated;' if pixelated else ''}"
    style += f"--drl-least:{round(LEAST * width)}px;" if drawn else ""
    data = base64.b64encode(raw).decode()
    return (
        f'<img{look} alt="{escape(alt)}" width="{width}" height="{height}" style="{style}" '
        f'decoding="sync" src="data:{mime};base64,{data}">'
    )


def picture(x: torch.Tensor, *, alt: str, zoom: int | None = None, format: str = "webp") -> str:
    """One image as an `<img>` of `zoom` page pixels a pixel, kept sharp (nearest neighbour).

    By default the zoom is the whole number that brings the longer side nearest to 256 page pixels.

    Raises `ValueError` for a zoom below 1.
    """
    height, width = to_bytes8(x).shape[:2]
    zoom = default_zoom(x) if zoom is None else check_zoom(zoom)
    raw = encode(x, format=format)
    size = {"width": width * zoom, "height": height * zoom}
    return img_tag(raw, mime=MIME[format], alt=alt, **size, pixelated=zoom > 1)


def default_zoom(x: torch.Tensor, *, side: int = 256) -> int:
    """The whole number of page pixels a pixel that brings the longer side nearest to `side`, at least 1."""
    return max(1, round(side / max(x.shape[-2:])))


def check_zoom(zoom: int) -> int:
    """Return `zoom` if it is a whole number from 1 to 64, else raise `ValueError`."""
    return check_whole(zoom, name="zoom", least=1, most=64)


def check_text(text: str, *, name: str) -> str:
    """Return `text` if it is a sentence that says something, else raise `ValueError`."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name} must say in words what there is to see, got {text!r}")
    return text
