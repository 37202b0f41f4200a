"""Local response normalisation is not injective: how far it can be undone. Taught in chapter 17_inverse_networks."""

import math

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images, check_positive, check_whole, describe


def _check(layer: nn.LocalResponseNorm) -> nn.LocalResponseNorm:
    if not isinstance(layer, nn.LocalResponseNorm):
        raise ValueError(f"layer must be a torch.nn.LocalResponseNorm, got {describe(layer)}")
    return layer


def turning_point(layer: nn.LocalResponseNorm) -> float:
    r"""The input of a lone channel at which its answer u (k + alpha u^2 / n)^-beta is largest.

        d/du = 0   at   u^2 = k n / (alpha (2 beta - 1))

    sqrt(10 / alpha) for n = 5, beta = 3/4, k = 1. Beyond it a larger input gives a smaller answer, so two inputs have
    the same one. Infinity where there is none: beta of at most 1/2, or alpha of 0. Source: derived here; the layer is
    that of Krizhevsky et al. (2012), section 3.3, with alpha over n as Caffe and torch have it. Raises `ValueError` for
    another layer, and for one with alpha or k below 0, which may divide by zero.

    >>> round(turning_point(nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)), 2)
    316.23
    """
    own = _check(layer)
    if min(own.alpha, own.k) < 0:
        raise ValueError(f"the layer's alpha and k must be at least 0, got {own.alpha!r} and {own.k!r}")
    if own.beta <= 0.5 or own.alpha == 0:
        return math.inf
    return math.sqrt(own.k * own.size / (own.alpha * (2 * own.beta - 1)))


def fixed_point_inverse(y: torch.Tensor, layer: nn.LocalResponseNorm, *, steps: int = 50) -> torch.Tensor:
    r"""u with layer(u) near y by u <- y (k + alpha / n sum u^2)^beta, from u = y, over the channels of each window.

    Where every lone channel is below its turning point and neighbours are quiet the iteration finds the input; beyond
    it goes to the smaller of the two inputs, or away, where values are stopped at a million of either sign. y and the
    answer are `(N, C, h, w)`. Raises `ValueError` for what is no map, another layer, and fewer than one step. Taught in
    chapter 17_inverse_networks.

    >>> layer = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
    >>> u = torch.full((1, 8, 1, 1), 100.0)
    >>> torch.allclose(fixed_point_inverse(layer(u), layer, steps=200), u, rtol=1e-3)
    True
    """
    check_images(y, name="y")
    u = y
    for _ in range(check_whole(steps, name="steps", least=1)):
        # torch's own layer divides by what is wanted here
        u = (y * divisor(u, layer)).clamp(-1e6, 1e6)
    return u


def divisor(u: torch.Tensor, layer: nn.LocalResponseNorm) -> torch.Tensor:
    """What the layer divides by, (k + alpha / n sum over the window of u^2)^beta, of the shape of u."""
    own = _check(layer)
    mean = nn.functional.avg_pool3d(
        nn.functional.pad(u.square()[:, None], (0, 0, 0, 0, own.size // 2, (own.size - 1) // 2)),
        (own.size, 1, 1),
        stride=1,
    )[:, 0]
    return (own.k + own.alpha * mean) ** own.beta


def best_scale(y: torch.Tensor, u: torch.Tensor) -> float:
    """The number c for which c y is nearest to u in squares, <y, u> / <y, y>.

    Raises `ValueError` for maps of two shapes and for a y of zeros. Taught in chapter 17_inverse_networks.

    >>> best_scale(torch.ones(1, 1, 1, 2), torch.tensor([[[[1.0, 3.0]]]]))
    2.0
    """
    if not isinstance(y, torch.Tensor) or not isinstance(u, torch.Tensor) or y.shape != u.shape:
        raise ValueError(f"y and u must have one shape, got {describe(y)} and {describe(u)}")
    return float((y * u).sum() / check_positive(float(y.square().sum()), name="the energy of y"))
