"""A painting at hand without a network, for style: Vincent van Gogh, "Village Street in Auvers" (1890)."""

from functools import cache

import torch

from deeprestore_lab.core.artifacts import load_picture
from deeprestore_lab.images.files import load
from deeprestore_lab.images.transforms import Size, fit


def painting(*, size: Size | None = None) -> torch.Tensor:
    """Van Gogh's "Village Street in Auvers" as `(1, 3, 470, 600)` in [0, 1], float32.

    `size` (one number for a square, or (height, width)) takes the largest centred window of that shape and shrinks
    it, bicubic and without aliasing. The painting is in the public domain (its painter died in 1890; it hangs in the
    Ateneum, Helsinki); the card of the record "painting" says where this reproduction is from. Raises `ValueError` for
    a size larger than the painting, `ArtifactError` where the file is missing or damaged. Used in chapter 08_style.

    >>> painting(size=96).shape
    torch.Size([1, 3, 96, 96])
    """
    x = _decoded().clone()
    return x if size is None else fit(x, size, name="the painting")


@cache
def _decoded() -> torch.Tensor:
    return load(load_picture("painting", "auvers.webp"))
