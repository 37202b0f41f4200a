"""Checks of what an image is compared with: a measurement, or a representation."""

import torch

from deeprestore_lab.core.checks import check_precision, describe
from deeprestore_lab.core.machine import check_together


def check_batch(y: torch.Tensor, *, name: str) -> None:
    """Raise `ValueError` unless `y` is a float or complex tensor whose first dimension can be a batch."""
    if not isinstance(y, torch.Tensor) or not (y.is_floating_point() or y.is_complex()) or y.ndim < 2:
        raise ValueError(f"{name} must be a float tensor with a batch dimension, got {describe(y)}")
    check_precision(torch.view_as_real(y) if y.is_complex() else y, name=name)


def check_fit(predicted: torch.Tensor, y: torch.Tensor, *, names: tuple[str, str]) -> torch.Tensor:
    """Return `predicted` if `y` lies on its device and has its shape, or that with a batch of 1; else `ValueError`.

    Both are real, or both complex.
    """
    if predicted.shape == y.shape and predicted.device == y.device and predicted.is_complex() == y.is_complex():
        return predicted  # as at every step of a loop
    check_together(predicted, y, names=names)
    if predicted.shape[1:] != y.shape[1:] or y.shape[0] not in (1, predicted.shape[0]):
        raise ValueError(f"{names[0]} has shape {tuple(predicted.shape)} but {names[1]} has shape {tuple(y.shape)}")
    if predicted.is_complex() != y.is_complex():
        kinds = {True: "complex", False: "real"}
        raise ValueError(f"{names[0]} is {kinds[predicted.is_complex()]} but {names[1]} is {kinds[y.is_complex()]}")
    return predicted


def squared_norm(residual: torch.Tensor) -> torch.Tensor:
    """sum |r|^2 of each entry, `(N, ...) -> (N,)`, real for complex residuals too."""
    parts = torch.view_as_real(residual) if residual.is_complex() else residual
    return parts.square().flatten(1).sum(1)
