"""Weights of at least zero that minimise a quadratic: non-negative least squares, with proof that it is the minimum.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import describe

FLOOR = 1e-12  # of M's largest eigenvalue: below it lies rounding
SYMMETRIC = 1e-4  # of M's largest entry or eigenvalue: what single precision and a mean over samples may lose


@dataclass(frozen=True)
class NonNegative:
    r"""The minimum of 1/2 a^T M a - b^T a over a >= 0, and how well it satisfies the conditions of a minimum.

    `weights` is a, `(K,)`; `slopes` the gradient M a - b there. At the minimum a_k >= 0, slope_k >= 0 and one of the
    two is 0, for every k (Karush, Kuhn and Tucker); `violation` is the largest |min(a_k, slope_k)|, each in units of
    its own scale, so zero at the minimum and nowhere else.
    """

    weights: torch.Tensor
    slopes: torch.Tensor
    violation: float


def nonnegative_weights(m: torch.Tensor, b: torch.Tensor) -> NonNegative:
    r"""argmin_{a >= 0} 1/2 a^T M a - b^T a for a positive semidefinite `m` `(K, K)` and `b` `(K,)`.

    With M = R^T R it is the non-negative least-squares problem |R a - R^-T b|^2, which `scipy.optimize.nnls` solves by
    active sets (Lawson & Hanson, 1974); where the weights without the bound are positive, they are the answer. In
    float64 whatever comes; a has the precision of `b`. Directions in which M is zero get no weight. Raises `ValueError`
    for shapes that do not fit, for what is not finite, and for a matrix that is not symmetric or has a negative
    eigenvalue (beyond rounding): then there is no minimum. Taught in chapter 14_learned_filters.

    >>> found = nonnegative_weights(torch.eye(2), torch.tensor([1.0, -2.0]))
    >>> found.weights, found.slopes, found.violation
    (tensor([1., 0.]), tensor([0., 2.]), 0.0)
    """
    fits = isinstance(m, torch.Tensor) and isinstance(b, torch.Tensor) and b.ndim == 1 and m.shape == (len(b),) * 2
    fits = fits and len(b) > 0 and m.is_floating_point() and b.is_floating_point()
    if not fits or not (torch.isfinite(m).all() and torch.isfinite(b).all()):
        raise ValueError(f"m must be floats, finite, (K, K), and b (K,), got {describe(m)} and {describe(b)}")
    matrix, target = m.detach().double().cpu(), b.detach().double().cpu()
    if not torch.allclose(matrix, matrix.mT, rtol=0, atol=SYMMETRIC * float(matrix.abs().max())):
        raise ValueError("m must be symmetric, and is not")
    root, failed = torch.linalg.cholesky_ex(matrix)
    a = None
    if not failed:
        a = torch.cholesky_solve(target[:, None], root)[:, 0]
    if a is None or (a < 0).any():
        a = _active_set(matrix, target)
    slopes = matrix @ a - target
    scale = max(float(target.abs().max()), torch.finfo(torch.float64).tiny)
    natural = torch.minimum(a / max(float(a.max()), torch.finfo(torch.float64).tiny), slopes / scale)
    return NonNegative(a.to(b), slopes.to(b), float(natural.abs().max()))


def _active_set(matrix: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    from scipy.optimize import nnls

    values, vectors = torch.linalg.eigh(matrix)
    if values[0] < -SYMMETRIC * values.abs().max():
        raise ValueError(f"m must be positive semidefinite, but its smallest eigenvalue is {float(values[0]):.3g}")
    kept = values > FLOOR * values[-1].clamp_min(0)
    roots, vectors = values[kept].sqrt(), vectors[:, kept]
    factor, right = roots[:, None] * vectors.mT, (vectors.mT @ target) / roots
    return torch.from_numpy(nnls(factor.numpy(), right.numpy(), maxiter=10 * len(target))[0])
