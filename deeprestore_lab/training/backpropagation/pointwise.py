"""The rectifier, whose Jacobian is a diagonal of zeros and ones."""

import torch

from deeprestore_lab.training.backpropagation.base import Layer


class ReLU(Layer):
    """h(x) = max(x, 0), value by value; u J keeps u where x > 0. At 0 the derivative is taken to be 0, as torch does.

    Taught in chapter 05_learning_filters.

    >>> ReLU().pull(torch.full((1, 1, 1, 3), 5.0), torch.tensor([[[[-1.0, 0.0, 2.0]]]])).tolist()
    [[[[0.0, 0.0, 5.0]]]]
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clamp_min(0)

    def pull(self, u: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, u, torch.zeros_like(u))

    def products(self, x: torch.Tensor) -> int:
        return x.numel()
