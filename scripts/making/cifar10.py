"""CIFAR-10 as the local data folder has it: 4,000 training pictures without loss, and all of its pictures as JPEG."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import torch
from PIL import Image

from deeprestore_lab import data


@cache
def lossless() -> tuple[torch.Tensor, torch.Tensor]:
    """The first 4,000 training pictures `(4000, 3, 32, 32)` in [0, 1] and their classes. Raises `DataError`."""
    return data.cifar10()[:2]


def jpeg_pictures(split: str = "test", count: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """The first pictures `(N, 3, 32, 32)` in [0, 1] of a split, after JPEG, and their classes. Raises `DataError`."""
    held = np.load(data.fetch("cifar10") / "cifar10_jpeg.npz")
    head, scan, offset = held["header"].tobytes(), held[f"{split}_scan"].tobytes(), held[f"{split}_offset"]
    files = [head + scan[start:end] for start, end in zip(offset, offset[1:], strict=False)][:count]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    labels = torch.from_numpy(held[f"{split}_label"][:count]).long()
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, labels
