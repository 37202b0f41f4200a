"""Masks of known pixels for inpainting, `(1, 1, H, W)`: 1 is known, 0 is missing.

Each takes the image batch for its size, precision and device, and gives one mask for the whole batch.
"""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from deeprestore_lab.core.checks import check_images, check_weight, check_whole
from deeprestore_lab.images.noise import blocks, streams
from deeprestore_lab.images.transforms import Size, height_and_width

TEXT = "The image we look for is the one that explains what was measured and that the prior finds likely. "


def text_mask(x: torch.Tensor, *, text: str = TEXT, scale: int | None = None) -> torch.Tensor:
    """Lines of `text` over the whole image, its strokes missing: the classic inpainting task.

    Drawn with Pillow's built-in bitmap font (6 x 11 pixels a letter) and enlarged `scale` times, by default the
    shorter side over 128, so that some 21 letters fill a line at every size from 128. The same
    pixels on every machine. Raises `ValueError` for an empty text, one of other than Latin-1 letters, or a scale
    that is not a whole number above 0.
    """
    check_images(x)
    height, width = x.shape[2:]
    scale = max(1, round(min(height, width) / 128)) if scale is None else check_whole(scale, name="scale", least=1)
    if not isinstance(text, str) or not text.strip() or not text.encode("latin-1", "ignore").decode("latin-1") == text:
        raise ValueError(f"text must hold letters, all of them Latin-1, got {text!r}")
    rows, columns = -(-height // (12 * scale)), -(-width // (6 * scale))  # lines 12 pixels apart, 6 a letter
    flowing = text * (rows * columns // len(text) + 1)
    lines = [flowing[row * columns : (row + 1) * columns] for row in range(rows)]
    page = Image.new("1", (6 * columns, 12 * rows), 1)
    font = ImageFont.load_default_imagefont()
    for row, line in enumerate(lines):
        ImageDraw.Draw(page).text((0, 12 * row), line, fill=0, font=font)
    known = torch.from_numpy(np.asarray(page).astype(np.float32))
    known = known.repeat_interleave(scale, 0).repeat_interleave(scale, 1)[:height, :width]
    return known.reshape(1, 1, height, width).to(x)


def random_mask(x: torch.Tensor, *, keep: float = 0.5, seed: int) -> torch.Tensor:
    """A share `keep` of the pixels is known, exactly (to the nearest pixel), drawn without replacement.

    Raises `ValueError` for a share that is not between 0 and 1.
    """
    check_images(x)
    if not 0 <= check_weight(keep, name="keep", single=True) <= 1:
        raise ValueError(f"keep must be a share between 0 and 1, got {keep!r}")
    pixels = x.shape[2] * x.shape[3]
    known = torch.zeros(pixels)
    known[torch.randperm(pixels, generator=streams(seed, 1)[0])[: round(keep * pixels)]] = 1
    return known.reshape(1, 1, *x.shape[2:]).to(x)


def block_mask(x: torch.Tensor, *, size: int, count: int, seed: int) -> torch.Tensor:
    """`count` squares of `size` x `size` pixels are missing, anywhere they fit whole; they may overlap.

    Raises `ValueError` for what is no image batch, a size that does not fit in, and a count below 0.
    """
    check_images(x)
    return blocks(x.shape[2:], size=size, count=count, generator=streams(seed, 1)[0]).to(x)


def hole_mask(x: torch.Tensor, *, size: Size) -> torch.Tensor:
    """One centred rectangle is missing: `size` pixels square, or (height, width).

    Raises `ValueError` for a hole that is larger than the images.
    """
    check_images(x)
    height, width = height_and_width(size)
    if height > x.shape[2] or width > x.shape[3]:
        raise ValueError(f"a hole of {height} x {width} does not fit in images of {x.shape[2]} x {x.shape[3]}")
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    known = x.new_ones(1, 1, *x.shape[2:])
    known[..., top : top + height, left : left + width] = 0
    return known
