"""Layers that change the number of pixels: pooling, by the largest value or the mean, and upsampling."""

from math import prod

import torch
from torch.nn.functional import fold, interpolate, unfold

from deeprestore_lab.core.checks import check_choice, check_pair, check_whole
from deeprestore_lab.training.backpropagation.base import Layer, window_counts


class _Pooling(Layer):
    def __init__(self, size: int | tuple[int, int], *, stride: int | tuple[int, int] | None = None) -> None:
        self.size = check_pair(size, name="size")
        self.stride = self.size if stride is None else check_pair(stride, name="stride")

    def _windows(self, x: torch.Tensor) -> torch.Tensor:
        """The windows of every channel, `(N C, kh kw, number of windows)`."""
        return unfold(x.flatten(0, 1)[:, None], self.size, stride=self.stride)

    def _added_back(self, shares: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Each window's share added to where it was read; windows may overlap."""
        return fold(shares, tuple(x.shape[2:]), self.size, stride=self.stride).reshape(x.shape)

    def _shaped(self, pooled: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return pooled.reshape(*x.shape[:2], *self._counts(x))

    def _counts(self, x: torch.Tensor) -> tuple[int, int]:
        return window_counts(tuple(x.shape[2:]), self.size, stride=self.stride)


class MaxPooling(_Pooling):
    """The largest value of each window; u goes back to the place it stood at, the first of equal ones.

    `stride` is the `size` of the window unless given. Raises `ValueError` where no window fits. Taught in chapter
    05_learning_filters.

    >>> MaxPooling(2).pull(torch.tensor([[[[7.0]]]]), torch.tensor([[[[1.0, 4.0], [3.0, 2.0]]]])).tolist()
    [[[[0.0, 7.0], [0.0, 0.0]]]]
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._counts(x)  # refuses what does not fit
        return self._shaped(self._windows(x).amax(1), x)

    def pull(self, u: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        windows = self._windows(x)
        winner = windows.argmax(1, keepdim=True)
        shares = torch.zeros_like(windows).scatter(1, winner, u.reshape(winner.shape))
        return self._added_back(shares, x)

    def products(self, x: torch.Tensor) -> int:
        return x.shape[0] * x.shape[1] * prod(self._counts(x))


class AveragePooling(_Pooling):
    """The mean of each window; u goes back to all of the window in equal parts.

    `stride` is the `size` of the window unless given. Raises `ValueError` where no window fits. Taught in chapter
    05_learning_filters.

    >>> AveragePooling(2).pull(torch.tensor([[[[8.0]]]]), torch.zeros(1, 1, 2, 2)).tolist()
    [[[[2.0, 2.0], [2.0, 2.0]]]]
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._counts(x)
        return self._shaped(self._windows(x).mean(1), x)

    def pull(self, u: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        area = prod(self.size)
        shares = u.flatten(0, 1).flatten(1)[:, None] / area
        return self._added_back(shares.expand(-1, area, -1), x)

    def products(self, x: torch.Tensor) -> int:
        return x.shape[0] * x.shape[1] * prod(self._counts(x)) * prod(self.size)


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
