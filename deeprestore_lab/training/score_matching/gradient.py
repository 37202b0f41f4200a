"""The explicit loss and its gradient in the filters, written out: five matrix products and one rational expression.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch

from deeprestore_lab.priors.experts import LOGISTIC, STUDENT, Expert

Three = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def three_derivatives(s: torch.Tensor, expert: Expert) -> Three:
    """phi', phi'' and phi''' of responses `s` of any shape; the last one by autograd for an expert of one's own."""
    if expert is STUDENT:
        q = s.square().mul_(0.5).add_(1).reciprocal_()
        squared = q.square()
        third = q.mul(-4).add_(1).mul_(squared).mul_(s)
        return s * q, squared.mul_(2).sub_(q), third
    if expert is LOGISTIC:
        t = s.mul(0.5).tanh_()
        curvature = t.square().mul_(-0.5).add_(0.5)
        return t, curvature, -t * curvature
    with torch.enable_grad():
        at = s.detach().requires_grad_()
        curvature = expert.curvature(at)
        third = torch.autograd.grad(curvature.sum(), at)[0] if curvature.requires_grad else torch.zeros_like(s)
    return expert.derivative(s), curvature.detach(), third


@torch.no_grad()
def loss_and_gradient(
    filters: torch.Tensor, weights: torch.Tensor, x: torch.Tensor, expert: Expert
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""J and dJ/dW, `(K, D)`, of `explicit_loss` at `filters` W `(K, D)`, `weights` `(K,)` and samples `x` `(N, D)`.

        dJ/dw_k = a_k/N sum_n [ phi'_nk g_n + (phi''_nk w_k . g_n - phi'''_nk |w_k|^2) x_n - 2 phi''_nk w_k ]

    with g_n = sum_k a_k phi'_nk w_k, the energy's slope at sample n. Nothing is checked here: it is what a loop calls.
    """
    squares = filters.square().sum(1)
    slopes, curvature, third = three_derivatives(x @ filters.mT, expert)
    mean = curvature.mean(0)
    slopes.mul_(weights)
    g = slopes @ filters  # (N, D)
    loss = g.square().sum() / (2 * len(x)) - (weights * squares) @ mean
    inner = (g @ filters.mT).mul_(curvature).sub_(third.mul_(squares)).mul_(weights)  # (N, K)
    gradient = (slopes.mT @ g).addmm_(inner.mT, x).div_(len(x))
    return loss, gradient.sub_((2 * weights * mean)[:, None] * filters)
