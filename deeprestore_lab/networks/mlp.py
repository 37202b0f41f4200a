"""Fully connected layers with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from deeprestore_lab.core.checks import check_whole


class MLP(nn.Sequential):
    r"""h_k = max(0, W_k h_{k-1} + b_k), the last layer without the maximum: `(..., widths[0])` to `(..., widths[-1])`.

    Weights start as PyTorch's linear layers do, uniform within 1 / sqrt(inputs). Raises `ValueError` for fewer than two
    widths. Taught in chapter 11_deep_image_prior.

    >>> import torch
    >>> MLP([2, 16, 1])(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    def __init__(self, widths: Sequence[int]) -> None:
        if len(widths) < 2:
            raise ValueError(f"an MLP needs the widths of its input and its output at least, got {list(widths)}")
        for width in widths:
            check_whole(width, name="a width", least=1)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers[:-1])
