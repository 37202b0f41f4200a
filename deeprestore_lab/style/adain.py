"""Adaptive instance normalisation: the mean and deviation of each channel of one map, put on another.

Taught in chapter 08_style.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_images, check_weight, describe
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
