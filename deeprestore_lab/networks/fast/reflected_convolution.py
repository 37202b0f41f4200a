"""Convolution with reflected borders, by Winograd's filtering where the layer is wide enough for it to pay."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.core.machine import has_avx512, is_recording
from deeprestore_lab.networks.fast.winograd import winograd

# Channels and pixels below which the direct convolution is as fast, with AVX512 and without: measured on one thread.
# With AVX2 alone the direct one does half as many products at once, but the products are not all that the other does:
# from 64 to 64 maps it takes 1.2 times as long, from 144 to 512 (the paper's merged layer) 0.6 to 0.75 times.
LEAST = {True: (48, 32 * 32), False: (144, 64 * 64)}
RECORDED = (64, 64 * 64)  # on a GPU, where the step is played from a recording: else its many kernels wait for Python


def is_wide(x: torch.Tensor, *, channels: int, out: int) -> bool:
    """Whether Winograd's filtering pays from `channels` to `out` maps of the size of the image x `(1, I, H, W)`."""
    kind = x.device.type
    if x.shape[0] > 1 or x.dtype not in (torch.float32, torch.float64):
        return False
    if kind != "cpu" and not (kind == "cuda" and is_recording()) or torch.is_autocast_enabled(kind):
        return False
    least_channels, least_pixels = LEAST[has_avx512()] if kind == "cpu" else RECORDED
    return min(channels, out) >= least_channels and x.shape[-2] * x.shape[-1] >= least_pixels


class ReflectedConvolution(nn.Conv2d):
    """`(N, I, H, W)` to `(N, O, H / stride, W / stride)`, sides rounded up; kernels of 1 x 1 or 3 x 3."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plain = self.kernel_size != (3, 3) or self.stride != (1, 1)
        if not plain and is_wide(x, channels=self.in_channels, out=self.out_channels):
            return winograd(functional.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight, self.bias)
        return super().forward(x)
