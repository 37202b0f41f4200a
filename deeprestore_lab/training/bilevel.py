"""Learning through a minimiser: the gradient of a solution with respect to what the energy is made of.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients

Map = Callable[[torch.Tensor], torch.Tensor]
TOLERANCE = 1e-3  # of the linear equation, relative
STEPS = 200


def through_minimiser(
    gradient: Map,
    x: torch.Tensor,
    *,
    solve: Map | None = None,
    tolerance: float = TOLERANCE,
    steps: int = STEPS,
) -> torch.Tensor:
    r"""The minimiser x*(theta), which autograd can then follow to theta: by the implicit function theorem.

    At the minimum grad_x E(x*(theta), theta) = 0 for every theta, so H dx* + d_theta grad_x E dtheta = 0 with H the
    Hessian. A loss l(x*) then has the gradient -v^T d_theta grad_x E, where H v = dl/dx*. No step of the solver is
    remembered: it may take any number. It holds at the minimum only. At a point that a solver has not finished,
    the gradient is that of another problem, and the learned energy grows until it makes up for the missing steps.

    x: a minimiser that was found, `(N, ...)`, without a graph. gradient: grad_x E, of each entry by itself; autograd
    can follow it to theta. solve: b -> H^-1 b at x, where a faster way is known; by default conjugate gradients on
    products H v that autograd makes from `gradient`, to the relative `tolerance`, in `steps` at most.

    Raises `ValueError` for an `x` with a graph, and a gradient of another shape or that autograd cannot follow. Source:
    Samuel & Tappen (2009); Chen, Ranftl & Pock (2014) on solving the inner problem. Taught in chapter
    14_learned_filters.

    >>> theta = torch.tensor(3.0, requires_grad=True)  # E = theta / 2 x^2 - x: x* = 1 / theta
    >>> x = through_minimiser(lambda x: theta * x - 1, torch.full((1, 1), 1 / 3))
    >>> x.sum().backward()
    >>> round(float(theta.grad), 4)  # -1 / theta^2
    -0.1111
    """
    if not isinstance(x, torch.Tensor) or x.requires_grad:
        raise ValueError(f"x must be a tensor without a graph (x.detach()), got {describe(x)}")
    with torch.enable_grad():
        at = gradient(x)
    if not isinstance(at, torch.Tensor) or at.shape != x.shape or not at.requires_grad:
        raise ValueError(
            f"gradient must give a tensor of the shape of x, {tuple(x.shape)}, that autograd can follow to parameters; "
            f"got {describe(at)}"
        )
    if solve is None:
        product = _products(gradient, x)

        def solve(b: torch.Tensor) -> torch.Tensor:
            return conjugate_gradients(product, b, tolerance=tolerance, steps=steps)[0]

    return _Implicit.apply(at, x, solve)


class _Implicit(torch.autograd.Function):
    """x forward; backward -H^-1 times what comes, handed to the graph of the gradient."""

    @staticmethod
    def forward(ctx, gradient: torch.Tensor, x: torch.Tensor, solve: Map) -> torch.Tensor:
        ctx.solve = solve
        return x.clone()

    @staticmethod
    def backward(ctx, upstream: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return -ctx.solve(upstream), None, None


def _products(gradient: Map, x: torch.Tensor) -> Map:
    """v -> H v by autograd: H is symmetric, so it is the derivative of <grad E, v>."""
    with torch.enable_grad():
        at = x.clone().requires_grad_()
        slope = gradient(at)

    def product(v: torch.Tensor) -> torch.Tensor:
        # not `grad(slope, at, v)`: given v, torch imports its symbolic shapes, for two seconds
        with torch.enable_grad():
            inner = (slope * v).sum()
        return torch.autograd.grad(inner, at, retain_graph=True)[0]

    return product
