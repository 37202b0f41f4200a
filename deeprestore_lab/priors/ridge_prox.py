"""The proximal step of a ridge regulariser, by conjugate gradients on the energy itself.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

TOLERANCE = 1e-5  # root mean square of the gradient, in units of the picture
STEPS = 200
SHARE = 0.5  # of the slope at the start of a step, that may be left with the other sign at its end


class Ridge(Protocol):
    """What is asked of the regulariser: see `RidgeRegulariser`."""

    largest_curvature: float

    def responses(self, x: torch.Tensor) -> torch.Tensor: ...
    def adjoint(self, z: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor: ...
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

    Directions d are Polak & Ribiere's. The step along d is Newton's, -<g, d> / (||d||^2 + weight <psi'' w*d, w*d>): one
    convolution of d gives it and the responses at the new point, so that a step costs one pass through the filters
    forward and one back. Where it overshoots (the slope at its end has the other sign, by more than half), the picture
    takes the step -<g, d> / (||d||^2 + weight L ||d||^2) in its place, which always descends, and starts anew.

    It ends at the root mean square `tolerance` of the gradient, a float or `(N,)`: with mu = 1 - weight * rho, rho the
    weak convexity, x is then as near as tolerance / mu to the only minimum. `weight` is a float or `(N, 1, 1, 1)`.
    """
    tolerance = torch.as_tensor(tolerance).to(v).view(-1, 1, 1, 1).expand(len(v), 1, 1, 1)
    squared = weight if isinstance(weight, float | int) else weight.view(-1, 1, 1)
    x = v.clone() if start is None else start.clone()
    z = regulariser.responses(x)
    goal = tolerance.square() * v[0].numel()
    size, passes = v.shape[2:], torch.zeros(len(v), dtype=torch.long)

    def gradient() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        slopes, curvatures = regulariser.slopes_and_curvatures(z)
        g = weight * regulariser.adjoint(slopes, size) + (x - v)
        return g, _sum(g.square()), curvatures

    g, gg, curvatures = gradient()
    going = gg > goal
    d, slope = -g, -gg
    for _ in range(steps):
        if not going.any():
            break
        passes += going.view(-1)
        zd = regulariser.responses(d)
        dd = _sum(d.square())
        bend = dd + (squared * curvatures.mul_(zd).mul_(zd)).flatten(1).sum(1).view(-1, 1, 1, 1)
        length = torch.where(going, -slope / bend, 0.0)
        x, old = torch.addcmul(x, length, d), g
        z.addcmul_(zd, length.view(-1, 1, 1))
        g, new, curvatures = gradient()
        over = going & ~(_sum(g * d) <= -SHARE * slope)
        if over.any():
            safe = -slope / (dd * (1 + weight * regulariser.largest_curvature))
            back = torch.where(over, safe - length, 0.0)
            x = torch.addcmul(x, back, d)
            z.addcmul_(zd, back.view(-1, 1, 1))
            g, new, curvatures = gradient()
        turn = ((new - _sum(g * old)) / torch.where(gg > 0, gg, 1.0)).clamp_min(0)
        d = torch.where(over, 0.0, turn) * d - g
        slope = _sum(g * d)
        d, slope = torch.where(slope < 0, d, -g), torch.where(slope < 0, slope, -new)
        gg = torch.where(going, new, gg)
        going = going & (gg > goal)
    return RidgeMinimum(x, (gg.view(-1) / v[0].numel()).sqrt(), passes, curvatures)
