"""The digits (given): MNIST, or its subset that comes with the library."""

from typing import NamedTuple

import torch

import deeprestore_lab as drl


class Digits(NamedTuple):
    """Images `(N, 1, 28, 28)` in [0, 1]: to train, to choose, to report."""

    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor
    name: str  # "mnist" or "subset"

    @property
    def words(self) -> str:
        """Where they come from, for the report."""
        names = {"mnist": "MNIST", "subset": "a subset of MNIST"}
        return names[self.name]


def load() -> Digits:
    """Training digits without the last tenth, that tenth, and test digits.

    Choose weights and thresholds on `validation`. `test` is for what the
    report shows, once.
    """
    train, test = drl.data.mnist("train"), drl.data.mnist("test")
    name = "mnist" if len(train.images) == 60_000 else "subset"
    count = len(train.images) * 9 // 10
    return Digits(train.images[:count], train.images[count:], test.images, name)
