"""Crop, resize and grey values of image batches `(N, C, H, W)`."""

import torch
from torch.nn.functional import interpolate

from deeprestore_lab.core.checks import check_images, check_pair, check_units, check_whole

Size = int | tuple[int, int]


def height_and_width(size: Size) -> tuple[int, int]:
    """`size` as (height, width); one number means a square. Raises `ValueError` for anything else."""
    return check_pair(size, name="size")


def crop(x: torch.Tensor, size: Size, *, top: int | None = None, left: int | None = None) -> torch.Tensor:
    """A window of the images: `size` pixels from row `top` and column `left`, by default the centre.

    `size` is one number for a square or (height, width). Raises `ValueError` where `top` or `left` is not a whole
    number, or the window leaves the image.

    >>> crop(torch.zeros(1, 3, 20, 30), 8).shape
    torch.Size([1, 3, 8, 8])
    """
    check_images(x)
    height, width = height_and_width(size)
    top = (x.shape[2] - height) // 2 if top is None else check_whole(top, name="top")
    left = (x.shape[3] - width) // 2 if left is None else check_whole(left, name="left")
    if top < 0 or left < 0 or top + height > x.shape[2] or left + width > x.shape[3]:
        raise ValueError(
            f"a window of {height} x {width} at row {top}, column {left} leaves the image of "
            f"{x.shape[2]} x {x.shape[3]} (height x width)"
        )
    return x[:, :, top : top + height, left : left + width].contiguous()


def resize(x: torch.Tensor, size: Size) -> torch.Tensor:
    """The images at another size: bicubic, widened against aliasing when shrinking, then clamped to [0, 1].

    The kernel (a = -0.5) and its widening are Pillow's and those of `torch.nn.functional.interpolate` with
    `antialias=True`. Bicubic overshoots at edges, hence the clamp: the result is an image but no linear function of
    `x`; the linear operator is `operators.Downsample`. Aspect ratio is not kept: crop first.

    Raises `ValueError` for what is no image batch in [0, 1], and for a size that is no whole number or pair of them.
    """
    check_units(x)
    if tuple(x.shape[2:]) == height_and_width(size):
        return x.clamp(0, 1).contiguous()
    return interpolate(x, height_and_width(size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def fit(x: torch.Tensor, size: Size, *, name: str = "the image") -> torch.Tensor:
    """The largest centred window of the shape of `size`, shrunk to it. Raises `ValueError` if it would enlarge."""
    height, width = height_and_width(size)
    scale = min(x.shape[2] / height, x.shape[3] / width)
    if scale < 1:
        raise ValueError(
            f"{name} has {x.shape[2]} x {x.shape[3]} pixels (height x width), fewer than the size asked for, "
            f"{height} x {width}; ask for less, or enlarge it with `images.resize`"
        )
    window = (min(round(height * scale), x.shape[2]), min(round(width * scale), x.shape[3]))
    return resize(crop(x, window), (height, width))


def to_grey(x: torch.Tensor) -> torch.Tensor:
    """Grey values `(N, 1, H, W)`: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, full range, as Pillow's mode L).

    A batch of one channel is returned unchanged (a copy).

    Raises `ValueError` for what is no image batch of one or three channels.
    """
    check_images(x)
    if x.shape[1] == 1:
        return x.clone()
    check_images(x, channels=3)
    return (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def luma(x: torch.Tensor) -> torch.Tensor:
    """Y of Y'CbCr as super-resolution papers measure it: (16 + 65.481 R + 128.553 G + 24.966 B) / 255.

    ITU-R BT.601 in studio range, MATLAB's `rgb2ycbcr`: black is 16/255, white 235/255. `x` is RGB `(N, 3, H, W)`,
    or grey `(N, 1, H, W)`, read as equal channels. PSNR of Y differs from PSNR of RGB by several dB: name yours.

    Raises `ValueError` for what is no image batch of one or three channels.
    """
    check_images(x)
    if x.shape[1] == 1:
        return (16 + 219 * x) / 255
    check_images(x, channels=3)
    return (16 + (x * x.new_tensor([65.481, 128.553, 24.966]).view(1, 3, 1, 1)).sum(1, keepdim=True)) / 255
