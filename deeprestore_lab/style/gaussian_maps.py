"""Maps between the Gaussians of two feature maps: channel by channel (AdaIN), or with the full covariance."""

import torch

from deeprestore_lab.core.checks import check_choice, check_images, check_weight, describe
from deeprestore_lab.operators import ChannelDeviation, ChannelMean


def adaptive_instance_normalisation(
    f: torch.Tensor, style: torch.Tensor, *, alpha: float | torch.Tensor = 1.0, eps: float = 1e-5
) -> torch.Tensor:
    r"""(1 - alpha) f + alpha (sigma_s (f - mu_f) / sigma_f + mu_s), for each channel by itself.

    `f` `(N, C, H, W)` and `style` `(N, C, h, w)` or `(1, C, h, w)` are feature maps; mu and sigma are mean and
    deviation over positions, as `ChannelMean` and `ChannelDeviation` (unbiased) have them. `alpha`: a float or `(N,)`,
    at least 0; 1 is the whole way. With eps = 0, and no channel of `f` constant, this is the optimal transport between
    the Gaussians with these means and diagonal covariances: of all maps that carry one to the other, the one that
    moves the values least.

    sigma^2 is the variance + eps, eps in the units of f squared. The mean is matched exactly; the variance becomes
    v = (v_s + eps) v_f / (v_f + eps), near v_s where v_f and v_s are far above eps. With eps = 0 it is v_s, and a
    channel of `f` that is constant gives NaN. Raises `ValueError` for maps that do not fit each other, of
    a single position, or an alpha or eps below 0.

    Source: Huang & Belongie (2017), "Arbitrary style transfer in real-time with adaptive instance normalization",
    equations 8 and 14. Taught in chapter 08_style.

    >>> f = torch.tensor([0.0, 2.0]).reshape(1, 1, 1, 2)
    >>> style = torch.tensor([5.0, 6.0, 7.0]).reshape(1, 1, 1, 3)
    >>> adaptive_instance_normalisation(f, style, eps=0.0).flatten()
    tensor([5.2929, 6.7071])
    """
    alpha = check_maps(f, style, alpha)
    mean, deviation = ChannelMean(), ChannelDeviation(eps=eps)
    mu_f, sigma_f, mu_s, sigma_s = (
        moment(maps)[..., None, None] for maps in (f, style) for moment in (mean, deviation)
    )
    return f + alpha * (sigma_s * (f - mu_f) / sigma_f + mu_s - f)


def check_maps(f: torch.Tensor, style: torch.Tensor, alpha: float | torch.Tensor) -> float | torch.Tensor:
    """`alpha` ready to multiply `f`; `ValueError` where two maps and alpha do not fit each other."""
    check_images(f, name="f")
    check_images(style, name="style", channels=f.shape[1])
    if len(style) not in (1, len(f)):
        raise ValueError(f"style must hold one map or as many as f, {len(f)}, got {len(style)}")
    alpha = check_weight(alpha, name="alpha")
    if isinstance(alpha, torch.Tensor) and alpha.ndim:
        if alpha.shape != f.shape[:1]:
            raise ValueError(f"alpha must be a float or {(len(f),)}, got {describe(alpha)}")
        return alpha.to(f).reshape(-1, 1, 1, 1)
    return alpha


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
