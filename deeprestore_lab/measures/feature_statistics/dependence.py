"""Sparsity of feature maps, how many directions their channels use, and what pairs of channels share beyond that.

Taught in chapter 15_feature_statistics.
"""

import torch

from deeprestore_lab.core.checks import check_images, describe


def zero_share(f: torch.Tensor) -> float:
    """The share of values that are exactly zero, in [0, 1]. Raises `ValueError` for what are no maps."""
    return float((check_images(f, name="f") == 0).double().mean())


def hoyer_sparsity(f: torch.Tensor) -> torch.Tensor:
    r"""(sqrt(P) - ||f||_1 / ||f||_2) / (sqrt(P) - 1) of each channel `(N, C)`: 0 for a constant, 1 for one spike.

    Over the P positions of a channel; whatever its scale. A map of zeros is NaN: it is neither. Raises `ValueError` for
    maps of one position. Source: Hoyer (2004), section 3.1.

    >>> hoyer_sparsity(torch.tensor([1.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 2)).item()
    1.0
    """
    values = check_images(f, name="f").flatten(2).double()
    root = values.shape[2] ** 0.5
    if root == 1:
        raise ValueError("sparsity over positions needs more than one position")
    return (root - values.abs().sum(2) / values.norm(dim=2)) / (root - 1)


def effective_rank(eigenvalues: torch.Tensor) -> float:
    r"""(sum lambda)^2 / sum lambda^2 of eigenvalues `(K,)` of at least 0: K where all are equal, 1 where one is alone.

    The participation ratio. Raises `ValueError` for what is not finite, below zero (beyond rounding) or all zero.

    >>> effective_rank(torch.tensor([2.0, 2.0, 0.0]))
    2.0
    """
    if not isinstance(eigenvalues, torch.Tensor):
        raise ValueError(f"eigenvalues must be a tensor (K,), got {describe(eigenvalues)}")
    values = eigenvalues.detach().double()
    if values.ndim != 1 or not torch.isfinite(values).all() or values.min() < -1e-6 * values.abs().max():
        raise ValueError(f"eigenvalues must be finite, (K,) and at least 0, got {describe(eigenvalues)}")
    if not (values > 0).any():
        raise ValueError("eigenvalues are all zero")
    return float(values.sum() ** 2 / values.square().sum())


def energy_correlation(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Correlations of channels at one position, and of their squares: `(C, C)` each.

    `z` `(N, C, H, W)` is centred here channel by channel. For a Gaussian pair with correlation rho the squares have the
    correlation rho^2 exactly; what they have beyond it is dependence that neither a covariance nor a Gram matrix sees:
    channels that are large in the same places, whatever their signs. Raises `ValueError` for what are no maps, and
    channels that do not vary. Source: Schwartz & Simoncelli (2001) for squares of neighbouring filters.
    """
    values = check_images(z, name="z").detach().double().transpose(0, 1).flatten(1)
    size = values.square().mean(1)
    values = values - values.mean(1, keepdim=True)
    if not (values.square().mean(1) > 1e-20 * size).all():  # what is below is the rounding of the mean
        raise ValueError("a channel that does not vary has no correlation")
    return torch.corrcoef(values), torch.corrcoef(values.square())
