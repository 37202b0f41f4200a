"""The mean and the standard deviation of each channel of a feature map. Taught in chapter 08_style."""

import torch

from deeprestore_lab.core.checks import check_images, check_weight
from deeprestore_lab.operators.base import Operator


class ChannelMean(Operator):
    r"""mu_c = 1 / (H W) sum over positions of f_c: `(N, C, H, W) -> (N, C)`.

    Raises `ValueError` for what are no maps. Taught in chapter 08_style.

    >>> ChannelMean()(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[1.5000]])
    """

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return check_images(x, name="the feature map").mean((2, 3))


class ChannelDeviation(Operator):
    r"""sigma_c = sqrt(sum over positions of (f_c - mu_c)^2 / n + eps): `(N, C, H, W) -> (N, C)`.

    n is H W - 1 with `unbiased`, as in the code of Huang & Belongie (2017), else H W; eps, in the units of f squared,
    keeps the gradient finite where a channel is constant. Raises `ValueError` for an `eps` below 0, and for a map of a
    single position where `unbiased`. Taught in chapter 08_style.

    >>> f = torch.tensor([0.0, 2.0]).reshape(1, 1, 1, 2)
    >>> ChannelDeviation(unbiased=False, eps=0.0)(f), ChannelDeviation(eps=0.0)(f)
    (tensor([[1.]]), tensor([[1.4142]]))
    """

    def __init__(self, *, unbiased: bool = True, eps: float = 1e-5) -> None:
        self.unbiased, self.eps = bool(unbiased), check_weight(eps, name="eps", single=True)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        positions = check_images(x, name="the feature map").shape[2:].numel()
        if self.unbiased and positions < 2:
            raise ValueError("an unbiased deviation needs two positions or more; the feature map has a single one")
        return (x.var((2, 3), correction=int(self.unbiased)) + self.eps).sqrt()
