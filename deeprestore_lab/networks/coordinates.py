"""Coordinate networks: coordinates of pixels, their Fourier features, and fully connected layers."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe


def grid(height: int, width: int) -> torch.Tensor:
    """Centres of the pixels, row by row, `(H * W, 2)` as (down, across); the longer side spans [0, 1].

    Raises `ValueError` for sides below 1.

    >>> grid(1, 2)
    tensor([[0.2500, 0.2500],
            [0.2500, 0.7500]])
    """
    height, width = check_whole(height, name="height", least=1), check_whole(width, name="width", least=1)
    longer = max(height, width)
    down, across = ((torch.arange(n) + 0.5) / longer for n in (height, width))
    return torch.cartesian_prod(down, across)


def random_frequencies(count: int, dimensions: int = 2, *, scale: float, seed: int) -> torch.Tensor:
    """`count` frequency vectors B from a normal distribution of standard deviation `scale`, in cycles per unit.

    Shape `(count, dimensions)`. The unit is the image's longer side: `scale` 10 means ten waves across it.

    Raises `ValueError` for a count below 1, and a scale that is not above 0.
    """
    check_whole(count, name="count", least=1)
    check_positive(scale, name="scale", single=True)
    generator = torch.Generator().manual_seed(check_seed(seed))
    return scale * torch.randn(count, check_whole(dimensions, name="dimensions", least=1), generator=generator)


class FourierFeatures(nn.Module):
    r"""gamma(v) = [cos(2 pi B v), sin(2 pi B v)]: points `(P, d)` to features `(P, 2 F)` for frequencies B `(F, d)`.

    The inner product of two points' features is sum_f cos(2 pi b_f . (v - w)): it depends on their distance alone, so
    points near each other look alike, up to the wavelengths in B. Nothing here is trained. Features have the precision
    and the device of the points. Raises `ValueError` for frequencies that are not a matrix, and for points of another
    dimension or without float values.

    Source: Tancik et al. (2020), "Fourier features let networks learn high frequency functions in low dimensional
    domains", equation 5 with all amplitudes 1. Taught in chapter 11_deep_image_prior.
    """

    def __init__(self, frequencies: torch.Tensor) -> None:
        super().__init__()
        if not isinstance(frequencies, torch.Tensor) or frequencies.ndim != 2 or not frequencies.is_floating_point():
            raise ValueError(f"frequencies must be a float tensor (F, d), got {describe(frequencies)}")
        self.register_buffer("frequencies", frequencies.detach().clone())

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        dimensions = self.frequencies.shape[1]
        if points.shape[-1] != dimensions or not points.is_floating_point():
            raise ValueError(
                f"points must have {dimensions} coordinates, a float tensor (P, {dimensions}), got {describe(points)}"
            )
        phase = 2 * math.pi * points @ self.frequencies.to(points).T
        return torch.cat([phase.cos(), phase.sin()], dim=-1)


class MLP(nn.Sequential):
    r"""h_k = max(0, W_k h_{k-1} + b_k), the last layer without the maximum: `(..., widths[0])` to `(..., widths[-1])`.

    Weights start as PyTorch's linear layers do, uniform within 1 / sqrt(inputs). Raises `ValueError` for fewer than two
    widths. Taught in chapter 11_deep_image_prior.

    >>> import torch
    >>> MLP([2, 16, 1])(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    def __init__(self, widths: Sequence[int]) -> None:
        if len(widths) < 2:
            raise ValueError(f"an MLP needs the widths of its input and its output at least, got {list(widths)}")
        for width in widths:
            check_whole(width, name="a width", least=1)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers[:-1])
