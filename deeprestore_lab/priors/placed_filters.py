"""Filters at every place of a picture and back, in strips that stay in the processor's cache; a bound on their power.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

PLACES = 4096  # at a time


def responses(filters: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(w_k * x)_p for pictures `(N, 1, H, W)` and filters `(K, 1, h, w)`: `(N, K, places)`, row by row of places."""
    if filters.requires_grad and not x.requires_grad:  # a product's gradient is five times as fast as a convolution's
        return filters.flatten(1) @ functional.unfold(x, filters.shape[2:])
    if x.requires_grad:
        return functional.conv2d(x, filters).flatten(2)
    (h, w), (high, wide) = filters.shape[2:], x.shape[2:]
    columns = wide - w + 1
    z = x.new_empty(len(x), len(filters), (high - h + 1) * columns)
    for first, last in _strips(high - h + 1, columns):
        strip = functional.conv2d(x[:, :, first : last + h - 1], filters)
        z[:, :, first * columns : last * columns] = strip.flatten(2)
    return z


def adjoint(filters: torch.Tensor, z: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """The sum over places of filters times `z` `(N, K, places)`: `(N, 1, *size)`, the transpose of `responses`.

    One matrix product, and sums of its rows shifted: a fifth of the time of torch's transposed convolution.
    """
    (h, w), (high, wide) = filters.shape[2:], size
    back = filters.flatten(1).T
    if z.requires_grad or filters.requires_grad:
        return functional.fold(back @ z, tuple(size), (h, w))
    columns, x = wide - w + 1, z.new_zeros(len(z), 1, high, wide)
    for first, last in _strips(high - h + 1, columns):
        strip = z[:, :, first * columns : last * columns]
        product = torch.stack([back @ one for one in strip]).view(-1, h, w, last - first, columns)
        add_back(x[:, 0, first : last + h - 1], product)
    return x


def add_back(target: torch.Tensor, shares: torch.Tensor) -> None:
    """Add what all places say, `(..., h, w, rows, columns)`, to pixels `(..., rows + h - 1, columns + w - 1)`."""
    high, wide, rows, columns = shares.shape[-4:]
    across = target.new_zeros(*shares.shape[:-3], rows, target.shape[-1])
    for j in range(wide):
        across[..., j : j + columns] += shares[..., j, :, :]
    for i in range(high):
        target[..., i : i + rows, :] += across[..., i, :, :]


def folded(x: torch.Tensor, margins: tuple[int, int, int, int]) -> torch.Tensor:
    """The transpose of torch's `pad` with "reflect": what margins hold is added to the pixels that they mirror.

    `margins` are left, right, top, bottom.

    >>> folded(torch.tensor([[[[5.0, 1.0, 2.0, 3.0, 7.0]]]]), (1, 1, 0, 0))[0, 0, 0].tolist()
    [1.0, 14.0, 3.0]
    """
    for side, (before, after) in ((-1, margins[:2]), (-2, margins[2:])):
        size = x.shape[side]
        inner = x.narrow(side, before, size - before - after).clone()
        if before:
            inner.narrow(side, 1, before).add_(x.narrow(side, 0, before).flip(side))
        if after:
            mirror = inner.narrow(side, inner.shape[side] - 1 - after, after)
            mirror.add_(x.narrow(side, size - after, after).flip(side))
        x = inner
    return x


def _strips(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """First and last row of places of each strip."""
    step = max(1, PLACES // columns)
    return ((first, min(first + step, rows)) for first in range(0, rows, step))


def curvature_bound(filters: torch.Tensor, most: torch.Tensor, *, grid: int) -> torch.Tensor:
    r"""max over frequencies of sum_k max(most_k, 0) |w_k^|^2, from above: no picture's Hessian exceeds it.

    The sum is a trigonometric polynomial of degree h - 1 in each direction; between the points of a grid of n x n it is
    at most its largest value there over cos(pi (h - 1) / n), for each direction once (Ehlich & Zeller 1964).
    Differentiable.
    """
    spectrum = torch.fft.rfft2(filters[:, 0], s=(grid, grid)).abs().square()
    largest = torch.einsum("k,kij->ij", most.clamp_min(0), spectrum).max()
    return largest / math.prod(math.cos(math.pi * (n - 1) / grid) for n in filters.shape[2:])
