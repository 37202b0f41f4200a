"""CIFAR-10 as the local data folder has it: 4,000 training pictures without loss, and the test pictures as JPEG."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from deeprestore_lab.data import DataError
from deeprestore_lab.data.local import local_path


def _folder() -> Path:
    folder = local_path("cifar10")
    if folder is None:
        raise DataError("CIFAR-10 is not at hand: DEEPRESTORE_DATA names a folder that has cifar10/")
    return folder


@cache
def lossless() -> tuple[torch.Tensor, torch.Tensor]:
    """The first 4,000 training pictures `(4000, 3, 32, 32)` in [0, 1] and their classes. Raises `DataError`."""
    folder = _folder() / "lossless_first4000"
    rows = [np.asarray(Image.open(folder / f"cifar10_batch_{k}.png").convert("RGB")) for k in range(4)]
    x = _pictures(np.concatenate([row.reshape(-1, 32, 32, 3) for row in rows]))
    return x, torch.from_numpy(np.load(folder / "labels.npy")).long()


def jpeg_pictures() -> torch.Tensor:
    """The 10,000 test pictures `(10000, 3, 32, 32)` in [0, 1], after JPEG. Raises `DataError`."""
    held = np.load(_folder() / "cifar10_jpeg.npz")
    head, scan, offset = held["header"].tobytes(), held["test_scan"].tobytes(), held["test_offset"]
    files = [head + scan[start:end] for start, end in zip(offset, offset[1:], strict=False)]
    return _pictures(np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]))


def _pictures(bytes_: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(bytes_).permute(0, 3, 1, 2).float() / 255
