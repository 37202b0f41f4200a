"""The patterns of the cosine transform as filters."""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_whole
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
