"""The proximal step of a ridge regulariser, by conjugate gradients on the energy itself.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from deeprestore_lab.priors.placed_filters import PLACES

TOLERANCE = 1e-5  # root mean square of the gradient, in units of the picture
STEPS = 200
SHARE = 0.5  # of the slope at the start of a step, that may be left with the other sign at its end
TRIALS = 6  # of shorter steps, before the one that descends for certain


class Ridge(Protocol):
    """What is asked of the regulariser: see `RidgeRegulariser`."""

    def curvature_in(self, size: Sequence[int]) -> float: ...
    def responses(self, x: torch.Tensor) -> torch.Tensor: ...
    def adjoint(self, z: torch.Tensor, size: Sequence[int]) -> torch.Tensor: ...
    def slopes_and_curvatures(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]: ...


@dataclass(frozen=True)
class RidgeMinimum:
    """The minimum found: x `(N, 1, H, W)`, the root mean square of the gradient there `(N,)`, passes `(N,)`."""

    x: torch.Tensor
    gradient: torch.Tensor
    passes: torch.Tensor
    curvatures: torch.Tensor  # psi'' at x, (N, K, places)


def _sum(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(1).sum(1).view(-1, 1, 1, 1)


def _inner(*factors: torch.Tensor) -> torch.Tensor:
    """The sum over filters and places of the product."""
    total = 0.0
    for parts in zip(*(factor.split(PLACES, 2) for factor in factors), strict=True):
        product = parts[0] * parts[1]
        for other in parts[2:]:
            product *= other
        total = total + product.flatten(1).sum(1)
    return total.view(-1, 1, 1, 1)


@torch.no_grad()
def ridge_minimum(
    regulariser: Ridge,
    v: torch.Tensor,
    weight: float | torch.Tensor = 1.0,
    *,
    start: torch.Tensor | None = None,
    tolerance: float | torch.Tensor = TOLERANCE,
    steps: int = STEPS,
) -> RidgeMinimum:
    r"""argmin over x of 1/2 ||x - v||^2 + weight R(x), for pictures `(N, 1, H, W)`, each by itself.

    Directions d are Polak & Ribiere's. The first length tried is Newton's,
    -<g, d> / (||d||^2 + weight <psi'' w*d, w*d>). Where it is too long (the slope at its end has the other sign, by
    more than half), a secant shortens it, and at last -<g, d> / (||d||^2 (1 + weight L)), L the bound on R's Hessian in
    pictures of this size, which always descends. All of this looks at the responses alone, which are known along the
    line once w*d is: a step costs one pass through the filters forward and one back, however many lengths it tries.

    It ends at the root mean square `tolerance` of the gradient, a float or `(N,)`: with mu = 1 - weight * rho, rho the
    weak convexity, x is then as near as tolerance / mu to the only minimum. `weight` is a float or `(N, 1, 1, 1)`.
    """
    tolerance = torch.as_tensor(tolerance).to(v).view(-1, 1, 1, 1).expand(len(v), 1, 1, 1)
    x = v.clone() if start is None else start.clone()
    z = regulariser.responses(x)
    goal = tolerance.square() * v[0].numel()
    size, passes = v.shape[2:], torch.zeros(len(v), dtype=torch.long, device=v.device)

    slopes, curvatures = regulariser.slopes_and_curvatures(z)
    g = weight * regulariser.adjoint(slopes, size) + (x - v)
    gg = _sum(g.square())
    going = gg > goal
    d, slope = -g, -gg
    for _ in range(steps):
        if not going.any():
            break
        passes += going.view(-1)
        zd = regulariser.responses(d)
        dd = _sum(d.square())
        bend = dd + weight * _inner(curvatures, zd, zd)
        length = torch.where(going, -slope / bend, 0.0)
        change = length
        for trial in range(TRIALS + 1):
            z.addcmul_(zd, change.view(-1, 1, 1))
            slopes, curvatures = regulariser.slopes_and_curvatures(z)
            end = _sum((x - v) * d) + length * dd + weight * _inner(slopes, zd)
            over = going & ~((bend > 0) & (end <= -SHARE * slope))
            if trial == TRIALS or not over.any():
                break
            shorter = length * slope / (slope - end)
            lost = over & (~(bend > 0) | ~torch.isfinite(shorter) | (trial == TRIALS - 1))
            if lost.any():
                safe = -slope / (dd * (1 + weight * regulariser.curvature_in(size)))
                shorter, bend = torch.where(lost, safe, shorter), torch.where(lost, 1.0, bend)
            change = torch.where(over, shorter - length, 0.0)
            length = length + change
        x, old = torch.addcmul(x, length, d), g
        g = weight * regulariser.adjoint(slopes, size) + (x - v)
        new = _sum(g.square())
        turn = ((new - _sum(g * old)) / torch.where(gg > 0, gg, 1.0)).clamp_min(0)
        d = turn * d - g
        slope = _sum(g * d)
        d, slope = torch.where(slope < 0, d, -g), torch.where(slope < 0, slope, -new)
        gg = torch.where(going, new, gg)
        going = going & (gg > goal)
    return RidgeMinimum(x, (gg.view(-1) / v[0].numel()).sqrt(), passes, curvatures)
