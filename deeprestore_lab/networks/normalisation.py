"""Normalisation of each channel over the batch's own statistics."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class ChannelNorm(nn.BatchNorm2d):
    r"""gamma (x - mean) / sqrt(var + 1e-5) + beta, mean and variance of each channel over the batch and its pixels.

    Batch normalisation that keeps no averages: `(N, C, H, W)` to the same shape. For a batch of one that is group
    normalisation with a group for each channel, which torch does several times faster on a CPU (0.6 ms against 4.8
    for 128 channels of 128 x 128).

    Source: Ioffe & Szegedy (2015), "Batch normalization", algorithm 1. Taught in chapter 11_deep_image_prior.

    >>> ChannelNorm(1)(torch.tensor([[[[1.0, 3.0]]]])).detach().flatten()
    tensor([-1.0000,  1.0000])
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] == 1:
            return functional.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)
        return super().forward(x)
