"""Checks of what an image is compared with: a measurement, or a representation."""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_precision, describe
from deeprestore_lab.core.machine import check_together


def check_batch(y: torch.Tensor, *, name: str) -> None:
    """Raise `ValueError` unless `y` is a float tensor whose first dimension can be a batch."""
    if not isinstance(y, torch.Tensor) or not y.is_floating_point() or y.ndim < 2:
        raise ValueError(f"{name} must be a float tensor with a batch dimension, got {describe(y)}")
    check_precision(y, name=name)


def check_fit(predicted: torch.Tensor, y: torch.Tensor, *, names: tuple[str, str]) -> torch.Tensor:
    """Return `predicted` if `y` lies on its device and has its shape, or that with a batch of 1; else `ValueError`."""
    check_together(predicted, y, names=names)
    if predicted.shape[1:] != y.shape[1:] or y.shape[0] not in (1, predicted.shape[0]):
        raise ValueError(f"{names[0]} has shape {tuple(predicted.shape)} but {names[1]} has shape {tuple(y.shape)}")
    return predicted
