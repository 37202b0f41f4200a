"""Gauss-Newton steps for a representation error: the network made linear, the squares solved, the step damped.

Taught in chapter 18_preimages_with_priors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from deeprestore_lab.core.checks import check_positive, check_whole, per_image
from deeprestore_lab.operators import LinearOperator
from deeprestore_lab.parametrisations.pixels import check_image_bounds
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients
from deeprestore_lab.solve.norms import dot

SHRINK, GROW = 3.0, 4.0  # of the damping, after a good step and after a bad one


class CanLinearise(Protocol):
    """What has `linearised(x)`: a linear operator J with the value there, as `LeanRepresentation` has."""

    def linearised(self, x: torch.Tensor) -> LinearOperator: ...


@dataclass(frozen=True)
class NewtonPath:
    """Where Gauss-Newton ended and how it went: errors, shares of the promised decrease, dampings `(steps, N)`."""

    x: torch.Tensor
    error: torch.Tensor  # (steps + 1, N), ||phi(x) - target||^2 / ||target||^2
    kept_promise: torch.Tensor  # (steps, N), the decrease over that of the linear model: 1 where phi is linear
    damping: torch.Tensor  # (steps, N)


@torch.no_grad()
def gauss_newton(
    phi: CanLinearise | Callable,
    target: torch.Tensor,
    x: torch.Tensor,
    *,
    steps: int = 10,
    inner: int = 10,
    damping: float = 1e-2,
    bounds: tuple[float, float] | None = None,
) -> NewtonPath:
    r"""x <- x + d with (J^T J + mu I) d = -J^T (phi(x) - target), by `inner` conjugate gradients, for each image.

    The model ||r + J d||^2 is exact for a linear phi; a network with ReLUs is linear as far as its masks hold. mu, in
    units of the mean eigenvalue of J^T J, starts at `damping`, falls after steps that keep half of what the model
    promised and rises after those that keep less than a quarter; a step that raises the error is not taken. `bounds`
    hold values as in L-BFGS: those at a bound that would leave do not take part. Shapes: x `(N, 3, H, W)`, target as
    phi(x), or of batch 1. Raises `ValueError` for a phi that has no `linearised`, and a target of another shape or all
    zero. Source: Levenberg (1944); Nocedal & Wright (2006),
    sections 10.3 and 7.1. Taught in chapter 18_preimages_with_priors.

    >>> from deeprestore_lab.backbones import load
    >>> from deeprestore_lab.backbones.lean import LeanRepresentation
    >>> phi = LeanRepresentation(load("vgg_mini", "embedded"), "conv1_1")  # linear: one step is enough
    network: vgg_mini, embedded weights (distilled by this project)
    >>> x = torch.rand(1, 3, 16, 16)
    >>> bool(gauss_newton(phi, phi(x), 0 * x, steps=1, inner=300, damping=1e-6).error[-1] < 1e-4)
    True
    """
    if not hasattr(phi, "linearised"):
        raise ValueError(f"phi must have linearised(x), as backbones.lean.LeanRepresentation has; got {phi!r}")
    steps, inner = (check_whole(n, name=name, least=1) for n, name in ((steps, "steps"), (inner, "inner")))
    low, high = check_image_bounds(bounds) or (-torch.inf, torch.inf)
    mu = x.new_full((len(x),), check_positive(damping, name="damping", single=True))
    scale, x = dot(target, target), x.clamp(low, high)
    J = phi.linearised(x)
    if target.shape[1:] != J.value.shape[1:] or len(target) not in (1, len(x)):
        shapes = tuple(J.value.shape), tuple(target.shape)
        raise ValueError(f"phi(x) has shape {shapes[0]} but the target has shape {shapes[1]}")
    if not bool((scale > 0).all()):
        raise ValueError("target must not be all zero for any image: its norm is what the error is divided by")
    errors, promises, dampings = [_squared_norm(J.value - target) / scale], [], []
    unit = mean_eigenvalue(J, x)
    for _ in range(steps):
        slope = J.adjoint(J.value - target)
        free = ~(((x <= low) & (slope > 0)) | ((x >= high) & (slope < 0)))

        def curvature(v: torch.Tensor, J=J, free=free, mu=mu) -> torch.Tensor:
            return free * J.adjoint(J.apply(free * v)) + per_image(mu * unit, v) * v

        d, _, _ = conjugate_gradients(curvature, -slope * free, tolerance=1e-3, steps=inner)
        new = (x + d).clamp(low, high)
        step = new - x
        promised = -(2 * dot(slope, step) + _squared_norm(J.apply(step))) / scale
        nearby = phi.linearised(new)
        error = _squared_norm(nearby.value - target) / scale
        ratio = (errors[-1] - error) / promised.clamp_min(torch.finfo(x.dtype).tiny)
        better = error < errors[-1]
        x = torch.where(per_image(better, x).bool(), new, x)
        J = nearby if bool(better.all()) else phi.linearised(x)
        errors.append(torch.where(better, error, errors[-1]))
        promises.append(ratio)
        dampings.append(mu)
        mu = torch.where(ratio > 0.5, mu / SHRINK, torch.where(ratio < 0.25, mu * GROW, mu))
    return NewtonPath(x, torch.stack(errors), torch.stack(promises), torch.stack(dampings))


def mean_eigenvalue(J: LinearOperator, x: torch.Tensor, *, seed: int = 0) -> torch.Tensor:
    """tr(J^T J) / n for each image `(N,)`, from one random direction."""
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)).to(x)
    return _squared_norm(J.apply(v)) / dot(v, v)


def _squared_norm(a: torch.Tensor) -> torch.Tensor:
    """||a||^2 of each entry, `(N, ...) -> (N,)`."""
    return dot(a, a)
