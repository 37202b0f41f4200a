"""The full covariance of the channels of one map, put on another: two of the many linear maps that do it.

Taught in chapter 08_style.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_choice, check_weight
from deeprestore_lab.style.adain import check_maps

WAYS = ("transport", "whitening")


def match_covariance(
    f: torch.Tensor,
    style: torch.Tensor,
    *,
    way: str = "transport",
    alpha: float | torch.Tensor = 1.0,
    eps: float = 1e-5,
) -> torch.Tensor:
    r"""(1 - alpha) f + alpha (T (f_p - mu_f) + mu_s) at each position p, where T Sigma_f T^T = Sigma_s.

    way: "transport" is the optimal transport between the two Gaussians, the symmetric T = Sigma_f^(-1/2)
        (Sigma_f^(1/2) Sigma_s Sigma_f^(1/2))^(1/2) Sigma_f^(-1/2), which moves the values least; "whitening" is the
        whitening and colouring transform T = Sigma_s^(1/2) Sigma_f^(-1/2). For diagonal covariances both are AdaIN.

    `f` `(N, C, H, W)`, `style` `(N, C, h, w)` or `(1, C, h, w)`, `alpha` a float or `(N,)`. Sigma is the unbiased
    covariance over positions plus eps I, in double precision; so eps is to it what it is to the variance in AdaIN. It
    also keeps the inverse finite where a map has fewer positions than channels, or a channel is constant: such
    directions then cannot be matched. Raises `ValueError` for maps that do not fit each other, and for another way.

    Source: Li et al. (2017), "Universal style transfer via feature transforms", section 3.2; the transport is Olkin &
    Pukelsheim's (1982). Taught in chapter 08_style.

    >>> f, style = torch.randn(1, 2, 8, 8), torch.randn(1, 2, 8, 8)
    >>> there = match_covariance(f, style)
    >>> torch.allclose(there.flatten(2)[0].cov(), style.flatten(2)[0].cov(), atol=1e-4)
    True
    """
    check_choice(way, WAYS, name="way")
    check_weight(eps, name="eps", single=True)
    alpha = check_maps(f, style, alpha)
    centred, sigma_f = _moments(f, eps)
    there, sigma_s = _moments(style, eps)
    if way == "whitening":
        t = _power(sigma_s, 0.5) @ _power(sigma_f, -0.5)
    else:
        root, inverse = _power(sigma_f, 0.5), _power(sigma_f, -0.5)
        t = inverse @ _power(root @ sigma_s @ root, 0.5) @ inverse
    moved = (t @ centred).unflatten(2, f.shape[2:]).to(f) + style.mean((2, 3), keepdim=True)
    return f + alpha * (moved - f)


def _moments(f: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Values less their mean `(N, C, P)` and their covariance `(N, C, C)`, double precision."""
    values = f.double().flatten(2)
    centred = values - values.mean(2, keepdim=True)
    if values.shape[2] < 2:
        raise ValueError("a covariance needs two positions or more; the feature map has a single one")
    covariance = centred @ centred.mT / (values.shape[2] - 1)
    return centred, covariance + eps * torch.eye(values.shape[1], dtype=torch.float64, device=f.device)


def _power(matrix: torch.Tensor, power: float) -> torch.Tensor:
    """A power of symmetric matrices `(N, C, C)` with no eigenvalue below 0, but for rounding."""
    eigenvalues, vectors = torch.linalg.eigh(matrix)
    least = eigenvalues[:, -1:] * 1e-14 if power < 0 else torch.zeros_like(eigenvalues[:, -1:])
    return vectors * eigenvalues.maximum(least)[:, None] ** power @ vectors.mT
