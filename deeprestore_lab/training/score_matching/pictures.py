"""Score matching for pictures: a field of experts learned from photographs without its partition function.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch
from torch.nn.functional import conv_transpose2d

from deeprestore_lab.core.checks import check_images, check_positive, check_whole, describe, per_image
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.priors.field_pass import field_gradient


def picture_score_matching(
    x: torch.Tensor,
    filters: torch.Tensor,
    weights: torch.Tensor,
    *,
    expert: str | Expert = "student",
    margin: int = 0,
) -> torch.Tensor:
    r"""Hyvärinen's loss of a field of experts on each picture, `(N,)`: 1/2 ||grad R(x)||^2 - trace of R's Hessian.

    R(x) = sum_k weight_k sum_p phi((w_k x)_p) over the places p where a filter fits whole, so

        grad R = sum_k weight_k W_k^T phi'(W_k x),     trace = sum_k weight_k ||w_k||^2 sum_p phi''((w_k x)_p):

    each place adds the second derivative along its filter, whose squared norm is the sum over the pixels seen.
    Its mean over pictures of a density p is E 1/2 ||grad R + grad log p||^2 up to a constant: no partition function.

    `margin` leaves out the pixels that are nearer to an edge, as if they were given: those that fewer filters see than
    pixels inside of a large picture do. It is then the loss of the others' density given them, for which the trace is a
    sum over the pixels i that are left: sum_k weight_k sum_p phi''((w_k x)_p) w_k[i - p]^2.

    x `(N, 1, H, W)`, filters `(K, h, w)`, weights `(K,)`; a sum over pixels, differentiable in all three. Raises
    `ValueError` for shapes that do not fit. Source: Hyvärinen (2005), equation 4.
    """
    law = expert_of(expert)
    gradient, responses = _gradient(x, filters, weights, law)
    bent = law.curvature(responses)
    if _margin(margin, x):
        squares = weights[:, None, None, None] * filters[:, None].square()
        trace = inside(conv_transpose2d(bent, squares), margin).flatten(1).sum(1)
    else:
        trace = (weights * filters.square().sum((1, 2)) * bent.flatten(2).sum(2)).sum(1)
    return inside(gradient, margin).square().flatten(1).sum(1) / 2 - trace


def best_factor(
    x: torch.Tensor,
    filters: torch.Tensor,
    weights: torch.Tensor,
    *,
    expert: str | Expert = "student",
    margin: int = 0,
) -> float:
    r"""The factor c for which c R has the lowest mean `picture_score_matching` on the pictures `x`.

    The loss of c R is c^2 E 1/2 ||grad R||^2 - c E trace, so c = E trace / E ||grad R||^2. With patches as pictures,
    `(N, 1, h, w)` for filters of h x w, it is the factor for one patch by itself; over the factor for whole pictures it
    says how many times a model of patches counts where they overlap. Arguments as in `picture_score_matching`. Raises
    `ValueError` where R does not change with the pictures.
    """
    with torch.no_grad():
        gradient, _ = _gradient(x, filters, weights, expert_of(expert))
        square = inside(gradient, _margin(margin, x)).square().sum()
        loss = picture_score_matching(x, filters, weights, expert=expert, margin=margin).sum()
    if not float(square) > 0:
        raise ValueError("the field's gradient is zero on these pictures, whatever its factor")
    return float((square / 2 - loss) / square)


def picture_denoising(
    x: torch.Tensor,
    noise: torch.Tensor,
    filters: torch.Tensor,
    weights: torch.Tensor,
    *,
    sigma: float | torch.Tensor,
    expert: str | Expert = "student",
    margin: int = 0,
) -> torch.Tensor:
    r"""Denoising score matching of a field of experts, `(N,)`: 1/2 ||sigma grad R(x + n) - n / sigma||^2.

    A sum over pixels. With y = x + n and n ~ N(0, sigma^2), its minimum over all R is R = -log p(y), whose gradient is
    (y - E[x | y]) / sigma^2 (Tweedie): one step y - sigma^2 grad R(y) gives the mean of the picture. `noise` is n as x,
    `sigma` its level, a float or `(N,)`; the factor sigma^2 makes levels comparable. No second derivative is needed.
    `margin` as in `picture_score_matching`. Raises `ValueError` for shapes that do not fit. Source: Vincent (2011),
    section 4.2.
    """
    if noise.shape != x.shape:
        raise ValueError(f"noise must have the shape of x, {tuple(x.shape)}, got {describe(noise)}")
    sigma = check_positive(sigma, name="sigma")
    level = per_image(sigma, x)
    gradient, _ = _gradient(x + noise, filters, weights, expert_of(expert))
    _margin(margin, x)
    return inside(level * gradient - noise / level, margin).square().flatten(1).sum(1) / 2


def _gradient(
    x: torch.Tensor, filters: torch.Tensor, weights: torch.Tensor, law: Expert
) -> tuple[torch.Tensor, torch.Tensor]:
    """grad R `(N, 1, H, W)` and the responses `(N, K, rows, columns)`, differentiable."""
    check_images(x)
    if x.shape[1] != 1 or filters.ndim != 3 or weights.shape != filters.shape[:1]:
        raise ValueError(
            "expected pictures (N, 1, H, W), filters (K, h, w) and weights (K,), got "
            f"{describe(x)}, {describe(filters)} and {describe(weights)}"
        )
    if filters.dtype != x.dtype or weights.dtype != x.dtype:
        raise ValueError(
            "pictures, filters and weights must have one precision, got "
            f"{describe(x)}, {describe(filters)} and {describe(weights)}"
        )
    if x.shape[2] < filters.shape[1] or x.shape[3] < filters.shape[2]:
        raise ValueError(f"filters of {tuple(filters.shape[1:])} do not fit into pictures of {tuple(x.shape[2:])}")
    return field_gradient(x, filters, weights, expert=law)


def inside(x: torch.Tensor, margin: int) -> torch.Tensor:
    """The pixels that are at least `margin` from each edge."""
    return x[..., margin : x.shape[2] - margin, margin : x.shape[3] - margin]


def _margin(margin: int, x: torch.Tensor) -> int:
    """Return `margin` if pixels are left inside of it, else raise `ValueError`."""
    most = (min(x.shape[2:]) - 1) // 2
    return check_whole(margin, name="margin", least=0, most=most)
