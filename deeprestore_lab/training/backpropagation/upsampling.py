"""Upsampling by a whole factor: a matrix for the rows and one for the columns."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.training.backpropagation.base import Layer

MODES = ("nearest", "bilinear")


class Upsampling(Layer):
    """h(x) = R x C^T for each channel, `factor` times as high and wide; backward, u J = R^T u C.

    `mode` "nearest" repeats each value; "bilinear" interpolates between the middles of the pixels (torch's
    `align_corners=False`). Raises `ValueError` for another factor or mode. Taught in chapter 05_learning_filters.

    >>> Upsampling(2).pull(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.zeros(1, 1, 1, 1)).tolist()
    [[[[10.0]]]]
    """

    def __init__(self, factor: int = 2, *, mode: str = "nearest") -> None:
        self.factor = check_whole(factor, name="factor", least=1)
        self.mode = check_choice(mode, MODES, name="mode")

    def _matrices(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """R `(factor H, H)` and C `(factor W, W)`, from what one-dimensional interpolation does to unit vectors."""
        mode = {"nearest": "nearest", "bilinear": "linear"}[self.mode]
        units = (torch.eye(n, dtype=x.dtype, device=x.device)[None] for n in x.shape[2:])
        rows, columns = (interpolate(unit, scale_factor=self.factor, mode=mode)[0].mT for unit in units)
        return rows, columns

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = self._matrices(x)
        return rows @ x @ columns.mT

    def pull(self, u: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        rows, columns = self._matrices(x)
        return rows.mT @ u @ columns

    def products(self, x: torch.Tensor) -> int:
        rows, columns = (int(matrix.count_nonzero()) for matrix in self._matrices(x))
        return x.shape[0] * x.shape[1] * rows * columns
