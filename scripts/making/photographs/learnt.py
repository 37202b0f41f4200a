"""The photographs that several networks learn from, at the sizes they are learnt at, and what cards say of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from deeprestore_lab import images
from scripts.making.photographs.free import LICENCE as FREE_LICENCE
from scripts.making.photographs.free import SUMS, free_photographs

EMBEDDED = ("china", "flower", "rocket", "immunohistochemistry", "retina", "brick", "grass", "gravel")
STOPPED_BY = "coffee"
DATA = (
    f"{len(EMBEDDED)} photographs embedded in scikit-image and scikit-learn ({', '.join(EMBEDDED)}) and {len(SUMS)} of "
    f"Debian's packages of Lomiri's wallpapers ({', '.join(sorted(SUMS))}) to learn from, {STOPPED_BY} to choose the "
    "step"
)
LICENCE = f"embedded: public domain, CC0, no known restrictions, china and flower CC BY 2.0; wallpapers: {FREE_LICENCE}"


def learnt_photographs() -> list[torch.Tensor]:
    """The embedded and the free ones, `(1, 3, H, W)` each."""
    return [*map(images.photograph, EMBEDDED), *free_photographs().values()]


def scaled(x: torch.Tensor, sides: Sequence[int]) -> list[torch.Tensor]:
    """The photograph once for each of the sides that its shorter side has at least, resized to it."""
    shorter = min(x.shape[2:])
    return [
        images.resize(x, tuple(round(n * side / shorter) for n in x.shape[2:])) for side in sides if side <= shorter
    ]
