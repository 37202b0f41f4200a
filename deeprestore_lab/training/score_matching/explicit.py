"""Hyvärinen's loss of a product of experts on vectors, written out: no autograd, and quadratic in the weights.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.priors.experts import Expert, expert
from deeprestore_lab.training.score_matching.hyvarinen import check_vectors


def explicit_loss(
    filters: torch.Tensor, weights: torch.Tensor, x: torch.Tensor, *, expert: str | Expert = "student"
) -> torch.Tensor:
    r"""J of E(x) = sum_k a_k phi(<w_k, x>), the mean over the samples, a scalar that can be differentiated.

        J = 1/N sum_n [ 1/2 |sum_k a_k phi'(s_nk) w_k|^2 - sum_k a_k phi''(s_nk) |w_k|^2 ],    s_nk = w_k . x_n

    `filters` holds the w_k as rows, `(K, D)`; `weights` the a_k, `(K,)`; `x` the samples, `(N, D)`. K may be more than
    D (overcomplete) or fewer. Equal to `hyvarinen_loss` of that energy. Differs from equation 6 of the thesis that the
    course grew from in the factor |w_k|^2, which is left out there: without it J means something for filters of norm 1
    only. Raises `ValueError` for shapes that do not fit. Source: Hyvärinen (2005), section 3.3. Taught in chapter
    14_learned_filters.

    >>> explicit_loss(torch.eye(2), torch.ones(2), torch.zeros(5, 2)).item()  # phi''(0) = 1 for each filter
    -2.0
    """
    one = _checked(filters, x, expert)
    if not isinstance(weights, torch.Tensor) or weights.shape != filters.shape[:1]:
        raise ValueError(f"weights must be ({len(filters)},), one for each filter, got {describe(weights)}")
    s = x @ filters.mT  # (N, K)
    slope = (weights * one.derivative(s)) @ filters  # (N, D)
    trace = one.curvature(s) @ (weights * filters.square().sum(1))  # (N,)
    return (slope.square().sum(1) / 2 - trace).mean()


def quadratic_in_weights(
    filters: torch.Tensor, x: torch.Tensor, *, expert: str | Expert = "student"
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""M `(K, K)` and b `(K,)` with J = 1/2 a^T M a - b^T a: for given filters the best weights are linear algebra.

        M_kl = (w_k . w_l) mean_n phi'(s_nk) phi'(s_nl),    b_k = |w_k|^2 mean_n phi''(s_nk)

    M is the Schur product of two Gram matrices, so positive semidefinite. Shapes and errors as in `explicit_loss`.

    >>> M, b = quadratic_in_weights(torch.eye(1), torch.tensor([[1.0], [-1.0]]), expert="logistic")
    >>> round(float(M), 4), round(float(b), 4)  # tanh(1/2)^2 and half of what is left to 1
    (0.2136, 0.3932)
    """
    one = _checked(filters, x, expert)
    s = x @ filters.mT  # (N, K)
    slopes = one.derivative(s)
    return (filters @ filters.mT) * (slopes.mT @ slopes) / len(x), filters.square().sum(1) * one.curvature(s).mean(0)


def _checked(filters: torch.Tensor, x: torch.Tensor, name: str | Expert) -> Expert:
    check_vectors(x), check_vectors(filters, name="filters")
    if filters.shape[1] != x.shape[1]:
        raise ValueError(f"filters (K, D) and x (N, D) must agree in D, got {describe(filters)} and {describe(x)}")
    if filters.dtype != x.dtype:
        raise ValueError(f"filters and x must have one precision, got {describe(filters)} and {describe(x)}")
    return expert(name)
