"""Convolution with reflected borders, by Winograd's filtering where the layer is wide enough for it to pay."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.networks.winograd import winograd

LEAST_CHANNELS, LEAST_PIXELS = 48, 32 * 32  # measured on a CPU: below, the direct convolution is as fast


def is_wide(x: torch.Tensor, *, channels: int, out: int) -> bool:
    """Whether Winograd's filtering pays from `channels` to `out` maps of the size of the image x `(1, I, H, W)`."""
    if x.shape[0] > 1 or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return False
    return min(channels, out) >= LEAST_CHANNELS and x.shape[-2] * x.shape[-1] >= LEAST_PIXELS


class ReflectedConvolution(nn.Conv2d):
    """`(N, I, H, W)` to `(N, O, H / stride, W / stride)`, sides rounded up; kernels of 1 x 1 or 3 x 3."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plain = self.kernel_size != (3, 3) or self.stride != (1, 1)
        if not plain and is_wide(x, channels=self.in_channels, out=self.out_channels):
            return winograd(functional.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight, self.bias)
        return super().forward(x)
