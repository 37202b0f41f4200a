"""Filters that are a tight frame by construction: the patterns of the cosine transform, and framelets."""

import torch

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.signal.convolution import dct_matrix


def cosine_filters(side: int = 8, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The side^2 patterns of the orthonormal DCT-II on a block, each of norm 1, `(side^2, side, side)`.

    The pattern of index side * i + j has i half waves down and j across; index 0 is the mean (times side). Put at
    every pixel they are a tight frame with both bounds side^2: at each of the side^2 places of a block around a pixel
    they are an orthonormal basis. Raises `ValueError` for a side below 1. Taught in chapter 03_reconstruction.

    >>> cosine_filters(2)[3].tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    side = check_whole(side, name="side", least=1)
    waves = dct_matrix(side, torch.empty(0, dtype=torch.float64))
    return torch.einsum("ih,jw->ijhw", waves, waves).reshape(side * side, side, side).to(dtype)


_ROOT_HALF = 0.5**0.5
MASKS = {  # one low-pass mask, then details; sum_k |h_k|^2 = 1 at every frequency
    "haar": ((0.5, 0.5), (0.5, -0.5)),
    "linear": ((0.25, 0.5, 0.25), (_ROOT_HALF / 2, 0.0, -_ROOT_HALF / 2), (-0.25, 0.5, -0.25)),
}


def framelet_masks(kind: str = "linear", *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The masks of one dimension, low-pass first, `(I, length)`: two of Haar, three of the linear spline.

    Raises `ValueError` for another name.
    """
    return torch.tensor(MASKS[check_choice(kind, tuple(MASKS), name="kind")], dtype=dtype)


def framelets(levels: int = 1, *, kind: str = "linear", dtype: torch.dtype = torch.float32) -> torch.Tensor:
    r"""Undecimated framelets: a low-pass filter and, for each level, its details; both frame bounds are 1.

    One level is the products of the masks of two dimensions, 4 ("haar") or 9 ("linear"): sum_k |h_k|^2 = 1 at every
    frequency, in each dimension and so in both. The next level splits the low-pass response again with zeros between
    the taps, which leaves the sum as it is. Shape `(1 + levels (I^2 - 1), size, size)`, low-pass first, then the
    finest details. The norms differ. Raises `ValueError` for an unknown kind or no level.
    Source: Ron & Shen (1997); undecimated as Cai, Osher & Shen (2009). Taught in chapter 03_reconstruction.

    >>> framelets(1, kind="haar").tolist()[0], len(framelets(2))
    ([[0.25, 0.25], [0.25, 0.25]], 17)
    """
    masks = framelet_masks(kind, dtype=torch.float64)
    low = torch.ones(1, dtype=torch.float64)  # the low-pass of one dimension so far
    details: list[torch.Tensor] = []
    for level in range(check_whole(levels, name="levels", least=1)):
        waves = [_convolve(low, _spread(mask, 2**level)) for mask in masks]
        products = [torch.outer(a, b) for a in waves for b in waves]
        low, details = waves[0], details + products[1:]
    return torch.stack([_centred(kernel, len(low)) for kernel in [torch.outer(low, low), *details]]).to(dtype)


def _spread(mask: torch.Tensor, step: int) -> torch.Tensor:
    spread = mask.new_zeros(step * (len(mask) - 1) + 1)
    spread[::step] = mask
    return spread


def _convolve(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.conv1d(a.reshape(1, 1, -1), b.flip(0).reshape(1, 1, -1), padding=len(b) - 1).flatten()


def _centred(kernel: torch.Tensor, size: int) -> torch.Tensor:
    placed = kernel.new_zeros(size, size)
    first = size // 2 - len(kernel) // 2
    placed[first : first + len(kernel), first : first + len(kernel)] = kernel
    return placed
