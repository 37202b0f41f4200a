r"""Convolutions in frequency: the symbol of a layer, and what a stride folds together. Taught in 16_linear_inverse.

With circular borders a layer of stride 1 multiplies each frequency by a matrix, its symbol. A stride s keeps every s-th
value, and s frequencies in each direction, those that differ by a multiple of H / s, become one: they are aliases. In
the unitary DFT

    Y(q) = 1/s sum_m W(q + m H/s) X(q + m H/s),

so the layer is one block, C' x s^2 C, at each of the (H / s)(W / s) frequencies of the smaller map.
"""

import torch

from deeprestore_lab.core.checks import check_pair, describe
from deeprestore_lab.operators.convolution_layer import check_kernels, same_padding


def layer_symbol(
    kernels: torch.Tensor, size: tuple[int, int], *, padding: int | tuple[int, int] | None = None
) -> torch.Tensor:
    r"""W(omega) = sum_u kernels[u] e^{i omega (u - p)} at the H W frequencies of `size`, complex `(C', C, H, W)`.

    In the layout of `torch.fft.fft2` and in float64. Kernels are `(C', C, kh, kw)`; larger ones than the image wrap.
    Raises `ValueError` for what are none.

    >>> layer_symbol(torch.tensor([[[[1.0, 2.0, 1.0]]]]), (1, 4)).real.tolist()
    [[[[4.0, 2.0, 0.0, 2.0]]]]
    """
    kernels = check_kernels(kernels).double()
    size = check_pair(size, name="size")
    waves = []
    for n, side, before in zip(size, kernels.shape[-2:], same_padding(kernels, padding), strict=True):
        turns = torch.arange(n, dtype=torch.float64)[:, None] * (torch.arange(side) - before) / n
        waves.append(torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).to(kernels.device))  # (n, side)
    return waves[0] @ kernels.to(torch.complex128) @ waves[1].mT


def fold(spectrum: torch.Tensor, stride: tuple[int, int]) -> torch.Tensor:
    """Aliases side by side, `(..., C, H, W) -> (H / s, W / s, ..., s s C)`; the aliases run before the channels.

    Raises `ValueError` for a stride that does not divide the sides.
    """
    (s, t), (height, width) = stride, spectrum.shape[-2:]
    if height % s or width % t:
        raise ValueError(f"a stride of {stride} does not divide {describe(spectrum)}")
    parts = spectrum.unflatten(-1, (t, width // t)).unflatten(-3, (s, height // s))  # (..., C, s, h, t, w)
    parts = parts.movedim((-3, -1), (0, 1))  # (h, w, ..., C, s, t)
    return parts.movedim(-3, -1).flatten(-3)


def unfold(blocks: torch.Tensor, stride: tuple[int, int]) -> torch.Tensor:
    """The way back: `(H / s, W / s, ..., s s C) -> (..., C, H, W)`."""
    s, t = stride
    parts = blocks.unflatten(-1, (s, t, -1)).movedim(-1, -3)  # (h, w, ..., C, s, t)
    return parts.movedim((0, 1), (-3, -1)).flatten(-2).flatten(-3, -2)


def alias_blocks(symbol: torch.Tensor, stride: int | tuple[int, int]) -> torch.Tensor:
    """The layer of `stride` as one block for each frequency of its output, `(H / s, W / s, C', s s C)`.

    In the unitary DFT, so that white noise stays white. Raises `ValueError` for a stride that does not divide.

    >>> alias_blocks(layer_symbol(torch.tensor([[[[1.0, 1.0]]]]), (1, 4)), (1, 2)).shape
    torch.Size([1, 2, 1, 2])
    """
    stride = check_pair(stride, name="stride")
    return fold(symbol, stride) / (stride[0] * stride[1]) ** 0.5
