"""Images as batches `(N, C, H, W)` in [0, 1]: photographs by name, files, patterns, masks and noise.

Everything is reached here, as `drl.images.photograph`; the parts live in the files of this folder.
`corruptions` and `distortions` are reached by their own names.
"""

from deeprestore_lab.images.digit_images import digits
from deeprestore_lab.images.files import load, save
from deeprestore_lab.images.masks import block_mask, hole_mask, random_mask, text_mask
from deeprestore_lab.images.named_photographs import (
    HELD_OUT_PHOTOGRAPHS,
    TEXTURES,
    TRAINING_PHOTOGRAPHS,
    photograph,
    photograph_names,
    photograph_source,
    photographs,
)
from deeprestore_lab.images.noise import gaussian_noise, knock_out_blocks, poisson, salt_and_pepper
from deeprestore_lab.images.painted_patterns import PAINTED
from deeprestore_lab.images.paintings import painting
from deeprestore_lab.images.patterns import PATTERNS, pattern
from deeprestore_lab.images.transforms import crop, luma, resize, to_grey

__all__ = [
    "HELD_OUT_PHOTOGRAPHS",
    "PAINTED",
    "PATTERNS",
    "TEXTURES",
    "TRAINING_PHOTOGRAPHS",
    "block_mask",
    "crop",
    "digits",
    "gaussian_noise",
    "hole_mask",
    "knock_out_blocks",
    "load",
    "luma",
    "painting",
    "pattern",
    "photograph",
    "photograph_names",
    "photograph_source",
    "photographs",
    "poisson",
    "random_mask",
    "resize",
    "salt_and_pepper",
    "save",
    "text_mask",
    "to_grey",
]
