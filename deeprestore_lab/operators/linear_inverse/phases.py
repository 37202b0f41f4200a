r"""A transposed convolution of stride s as s s ordinary ones, one for each phase. Taught in 16_linear_inverse.

f^[p] = sum_q K[p - s q] f'[q]: the places p = s q + r of one phase r see only the taps r - p0, r - p0 + s, ... of K,
and see f' through an ordinary window of neighbours. So the best kernel of a given size is a least-squares problem for
each phase by itself. p0, the padding, says where K begins: its first tap lies p0 before s q.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_pair
from deeprestore_lab.operators.convolution_layer import ConvolutionLayer


@dataclass(frozen=True)
class Phase:
    """One phase: which taps of K it uses, and which neighbours in f' they weigh."""

    phase: tuple[int, int]  # r: rows and columns p with p = r modulo the stride
    taps: torch.Tensor  # (T, 2), places in K
    offsets: torch.Tensor  # (T, 2): the tap weighs f'[q - offset]


def centred_padding(layer: ConvolutionLayer, side: int | tuple[int, int]) -> tuple[int, int]:
    """The p0 that puts K of `side` x `side` taps into the middle of what a value of f' sees.

    Where it cannot be in the middle it stands half a pixel before. It is below 0 where K begins after s q. Raises
    `ValueError` for what is no side.
    """
    sides = zip(layer.kernels.shape[-2:], layer.padding, check_pair(side, name="side"), strict=True)
    return tuple(-((k - 1 - 2 * p - (n - 1)) // 2) for k, p, n in sides)


def phases(side: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Iterator[Phase]:
    """The s s phases of a kernel of `side` taps; those without a tap come too, with T = 0."""
    ways = []
    for n, s, p in zip(side, stride, padding, strict=True):
        tap = torch.arange(n)
        place = tap - p  # of the tap, seen from s q
        ways.append([(r, tap[place % s == r], (place[place % s == r] - r) // s) for r in range(s)])
    for r, rows, up in ways[0]:
        for t, columns, left in ways[1]:
            yield Phase((r, t), torch.cartesian_prod(rows, columns), torch.cartesian_prod(up, left))


def solve_moments(second: torch.Tensor, cross: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The K `(C, m)` that minimises E (f - K f')^2, and by how much E f^2 then falls, `(C,)`.

    From second = E f' f'^T `(m, m)` and cross = E f f'^T `(C, m)`. A ridge of 1e-12 of the mean diagonal keeps what
    is singular solvable; a tap that sees nothing is 0.
    """
    if not len(second):
        return cross, cross.new_zeros(len(cross))
    seen = second.diagonal()
    ridge = torch.where(seen > 0, 1e-12 * seen.mean(), 1.0)
    kernel = torch.linalg.solve(second + ridge.diag(), cross.mT).mT
    return kernel, (2 * cross * kernel - (kernel @ second) * kernel).sum(1)
