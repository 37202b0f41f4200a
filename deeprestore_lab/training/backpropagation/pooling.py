"""Pooling: the largest value, or the mean, of each window of each channel."""

from __future__ import annotations

from math import prod

import torch
from torch.nn.functional import fold, unfold

from deeprestore_lab.training.backpropagation.base import Layer, check_window, window_counts


class _Pooling(Layer):
    def __init__(self, size: int | tuple[int, int], *, stride: int | tuple[int, int] | None = None) -> None:
        self.size = check_window(size, name="size")
        self.stride = self.size if stride is None else check_window(stride, name="stride")

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
