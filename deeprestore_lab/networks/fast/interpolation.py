"""Bilinear interpolation as two products with matrices."""

from functools import lru_cache

import torch
from torch.nn import functional


def interpolated(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """L_H x L_W^T: images `(N, C, h, w)` to `(N, C, H, W)` for `size` (H, W), bilinear between the centres of pixels.

    The values of `torch.nn.functional.interpolate(..., align_corners=False)`. On a CPU its gradient is slow there; a
    product's is two products.

    >>> interpolated(torch.tensor([[[[0.0, 4.0]]]]), (1, 4)).flatten().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    down, across = (
        interpolation(n, m, dtype=x.dtype, device=x.device) for n, m in zip(x.shape[-2:], size, strict=True)
    )
    return down @ (x @ across.T)


@lru_cache(maxsize=64)
def interpolation(n: int, m: int, *, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """The matrix L `(m, n)` that interpolates n values to m; its rows sum to 1."""
    with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
        unit = torch.eye(n, dtype=torch.float64)[None]
        return functional.interpolate(unit, size=m, mode="linear", align_corners=False)[0].T.to(device, dtype)
