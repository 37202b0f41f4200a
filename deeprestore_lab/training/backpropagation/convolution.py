"""Convolution as networks have it (not mirrored), forward and backward by matrix products over windows."""

from math import prod

import torch
from torch.nn.functional import fold, unfold

from deeprestore_lab.core.checks import check_pair, describe
from deeprestore_lab.training.backpropagation.base import Layer, window_counts

Pair = int | tuple[int, int]


class Convolution(Layer):
    r"""h(x) = K W(x) + b: W(x) has the windows of x as columns, K a row for each output channel.

    Backward, u J = W^T(K^T u): each window's share is added back to where the window was read. The gradient of K is
    u W(x)^T, that of b the sum of u. `kernel` is `(C', C, kh, kw)` and `bias` `(C',)` or None; zeros lie outside of the
    picture. The same as `torch.nn.functional.conv2d` without groups. Raises `ValueError` for shapes that do not fit.
    Taught in chapter 05_learning_filters.

    >>> layer = Convolution(torch.tensor([[[[1.0, 2.0]]]]))
    >>> layer(torch.tensor([[[[1.0, 0.0, 3.0]]]])).tolist()
    [[[[1.0, 6.0]]]]
    >>> layer.pull(torch.tensor([[[[1.0, 10.0]]]]), torch.zeros(1, 1, 1, 3)).tolist()
    [[[[1.0, 12.0, 20.0]]]]
    """

    def __init__(
        self,
        kernel: torch.Tensor,
        bias: torch.Tensor | None = None,
        *,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
    ) -> None:
        if not isinstance(kernel, torch.Tensor) or kernel.ndim != 4 or not kernel.is_floating_point():
            raise ValueError(f"kernel must be a float tensor (outputs, inputs, kh, kw), got {describe(kernel)}")
        if bias is not None and not (isinstance(bias, torch.Tensor) and bias.shape == kernel.shape[:1]):
            raise ValueError(f"bias must have {kernel.shape[0]} values, one an output channel, got {describe(bias)}")
        self.kernel, self.bias = kernel, bias
        self.how = {
            "stride": check_pair(stride, name="stride"),
            "padding": check_pair(padding, name="padding", least=0),
            "dilation": check_pair(dilation, name="dilation"),
        }

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        return {"kernel": self.kernel} | ({} if self.bias is None else {"bias": self.bias})

    def _windows(self, x: torch.Tensor) -> torch.Tensor:
        """Every window as a column, `(N, C kh kw, number of windows)`."""
        return unfold(x, tuple(self.kernel.shape[2:]), **self.how)

    def _counts(self, x: torch.Tensor) -> tuple[int, int]:
        if x.shape[1] != self.kernel.shape[1]:
            raise ValueError(f"a kernel for {self.kernel.shape[1]} channels does not fit {describe(x)}")
        return window_counts(tuple(x.shape[2:]), tuple(self.kernel.shape[2:]), **self.how)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        counts = self._counts(x)
        y = (self.kernel.flatten(1) @ self._windows(x)).unflatten(2, counts)  # (N, C', H', W')
        return y if self.bias is None else y + self.bias[:, None, None]

    def pull(self, u: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        shares = self.kernel.flatten(1).mT @ u.flatten(2)  # (N, C kh kw, number of windows)
        return fold(shares, tuple(x.shape[2:]), tuple(self.kernel.shape[2:]), **self.how)

    def gradients(self, u: torch.Tensor, x: torch.Tensor) -> dict[str, torch.Tensor]:
        kernel = (u.flatten(2) @ self._windows(x).mT).sum(0).reshape(self.kernel.shape)
        return {"kernel": kernel} | ({} if self.bias is None else {"bias": u.sum((0, 2, 3))})

    def products(self, x: torch.Tensor) -> int:
        return x.shape[0] * self.kernel.numel() * prod(self._counts(x))
