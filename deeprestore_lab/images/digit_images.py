"""Handwritten digits at hand without a network: scikit-learn's 1797 of 8 x 8 pixels (UCI optical recognition)."""

from functools import cache

import numpy as np
import torch

from deeprestore_lab.core.checks import check_choice


def digits(split: str = "train") -> tuple[torch.Tensor, torch.Tensor]:
    """Images `(N, 1, 8, 8)` in [0, 1], float32, and labels `(N,)`, int64, of "train", "test" or "all".

    The first 1437 are to train with, the last 360 to test with: the set is not shuffled and neighbours tend to share
    a writer, so a random split would test on hands it has seen. Source: Alpaydin & Kaynak (1998), UCI repository.

    Raises `ValueError` for another split.
    """
    check_choice(split, ("train", "test", "all"), name="split")
    images, labels = _digits()
    chosen = {"train": slice(None, -360), "test": slice(-360, None), "all": slice(None)}[split]
    return images[chosen].clone(), labels[chosen].clone()


@cache
def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits  # its import takes a second: only where digits are asked for

    images, labels = load_digits(return_X_y=True)
    return torch.from_numpy((images / 16).astype(np.float32)).reshape(-1, 1, 8, 8), torch.from_numpy(labels).long()
