"""BSD68, the 68 grey photographs on which denoisers are compared: the same noise for every method, kept by picture.

The pictures come from the local data folder (`DEEPRESTORE_DATA`, folder `images/BSD68`). `mean_psnr` runs one picture
at a time, goes on where it stopped, and keeps what it found below `.cache/records`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from deeprestore_lab import data, images
from deeprestore_lab.measures.metrics import psnr
from scripts.making.resumable import Parts

Restore = Callable[[torch.Tensor], torch.Tensor]
LEVELS = (15, 25)  # over 255
LARGEST = 1000  # noise seeds of the pictures are seed * LARGEST + the picture's place
LICENCE = "not stated by its source; for teaching and tests, not shipped"


@cache
def pictures() -> dict[str, torch.Tensor]:
    """Name -> `(1, 1, 321, 481)` or the other way round, in [0, 1]; `DataError` where the set is not at hand."""
    return dict(sorted(data.test_set("bsd68").items()))


def noisy(name: str, *, level: int, seed: int) -> torch.Tensor:
    """The picture with noise of `level` / 255, not clipped: a draw of its own for each picture and seed."""
    x, place = pictures()[name], list(pictures()).index(name)
    return x + images.gaussian_noise(x, sigma=level / 255, seed=seed * LARGEST + place)


def mean_psnr(method: str, restore: Restore, *, level: int, seed: int = 0, settings: dict | None = None) -> dict:
    """`{"psnr": mean over the pictures in dB, "each": {name: dB}}` of restore(y), where y has noise of `level` / 255.

    `method` and `settings` (what `restore` depends on, as JSON) say which results kept before are the same.
    Nothing is clipped.
    """

    def one(name: str) -> tuple[dict, dict]:
        with torch.no_grad():
            restored = restore(noisy(name, level=level, seed=seed))
        return {"psnr": float(psnr(restored, pictures()[name]))}, {}

    parts = Parts(f"bsd68_{method}", {"level": level, "seed": seed} | (settings or {}))
    each = {name: numbers["psnr"] for name, (numbers, _) in parts.all(list(pictures()), one).items()}
    return {"psnr": sum(each.values()) / len(each), "each": each}
