"""Hyvärinen's loss of any energy by autograd: slow, exact, and the judge of every loss that is written out.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_precision, describe
from deeprestore_lab.core.dependence import check_depends, check_gradients_on


def check_vectors(x: torch.Tensor, *, name: str = "x") -> torch.Tensor:
    """Return `x` if it is a finite float tensor `(N, D)` of at least one sample, else raise `ValueError`."""
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or not x.is_floating_point() or x.numel() == 0:
        raise ValueError(f"{name} must be a float tensor (N, D), one sample a row, got {describe(x)}")
    total = check_precision(x, name=name).detach().sum()  # finite only where all are: a loop pays for one sum
    if not (bool(total.isfinite()) or bool(torch.isfinite(x).all())):
        raise ValueError(f"{name} must be finite, got values that are not")
    return x


def check_samples(x: torch.Tensor) -> torch.Tensor:
    """Return `x` if it is a float tensor `(N, ...)` of at least one sample, else raise `ValueError`."""
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.ndim < 2 or x.numel() == 0:
        raise ValueError(f"x must be a float tensor (N, ...) of samples, got {describe(x)}")
    return x


def hyvarinen_loss(energy: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    r"""J = 1/N sum_n [ 1/2 |grad E(x_n)|^2 - tr Hess E(x_n) ], a scalar that can be differentiated.

    `energy` maps `(N, ...)` to one value per sample `(N,)`, and needs two derivatives; the trace is exact, one pass
    for each of the D entries of a sample, so this is for small problems. In nats over squared units of x. For a
    density p = exp(-E)/Z that falls off fast enough (p grad E goes to zero at infinity) J is the Fisher divergence
    1/2 E |grad log p_data + grad E|^2 less a constant of the data: no Z is needed. Raises `ValueError` for an energy
    that gives anything but one value per sample, or whose value autograd cannot follow to x. Source: Hyvärinen (2005),
    equation 4. Taught in chapter 14_learned_filters.

    >>> x = torch.tensor([[1.0], [-1.0]])
    >>> hyvarinen_loss(lambda x: x.square().sum(1) / 2, x).item()  # a standard normal: (1 - 2) / 2
    -0.5
    """
    check_samples(x)
    check_gradients_on("this loss")
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    values = energy(x)
    if not isinstance(values, torch.Tensor) or values.shape != x.shape[:1]:
        raise ValueError(f"energy must give one value per sample, ({len(x)},), got {describe(values)}")
    check_depends({"energy": values}, [x], on="x")
    (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    flat, trace = slope.flatten(1), 0.0
    for place in range(flat.shape[1] if slope.requires_grad else 0):  # the slope of a line has no derivative
        (row,) = torch.autograd.grad(flat[:, place].sum(), x, create_graph=True, retain_graph=True)
        trace = trace + row.flatten(1)[:, place]
    return (flat.square().sum(1) / 2 - trace).mean()
