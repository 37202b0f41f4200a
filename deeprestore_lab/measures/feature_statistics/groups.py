"""What it costs to take groups of channels as independent, in nats. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

import math

import torch

from deeprestore_lab.core.checks import check_images, check_whole, describe


def patch_rows(z: torch.Tensor, size: int, *, every: int = 1) -> torch.Tensor:
    """Patches of `size` x `size` with all channels as rows `(M, C size^2)`, at every `every`-th place, channel first.

    Raises `ValueError` for maps smaller than a patch.
    """
    size, every = check_whole(size, name="size", least=1), check_whole(every, name="every", least=1)
    if min(check_images(z, name="z").shape[2:]) < size:
        raise ValueError(f"maps must be at least {size} x {size}, got {describe(z)}")
    cut = z.unfold(2, size, every).unfold(3, size, every)  # (N, C, rows, columns, size, size)
    return cut.permute(0, 2, 3, 1, 4, 5).reshape(-1, z.shape[1] * size**2)


def group_nats(fitted: torch.Tensor, held: torch.Tensor, *, groups: int, ridge: float = 1e-2) -> float:
    r"""Held-out nats a value of a Gaussian whose covariance is zero between groups: minus the mean log-density.

        1/(2 D) mean_i [ sum_g log det 2 pi C_g + u_ig^T C_g^-1 u_ig ]

    Rows are vectors of D values, as `patch_rows` gives them, of which each group has D / groups neighbours. The
    mean and C_g are those of `fitted`, plus `ridge` on the diagonal (the noise that a field is learned with, squared;
    without any, directions that never vary have a density without bound). On the rows fitted to, and as the ridge goes
    to 0, the difference to one group is the mutual information between the groups of a Gaussian, 1/2 (sum_g log det C_g
    - log det C) / D. Raises `ValueError` for groups that do not divide D, and for rows that do not fit. Taught in
    chapter 19_feature_map_priors.

    >>> rows = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)).repeat(1, 2)  # two equal values
    >>> apart, joint = (group_nats(rows, rows, groups=n) for n in (2, 1))
    >>> round(apart - joint, 1)  # half of what one tells of the other; the ridge bounds it
    1.2
    """
    groups = check_whole(groups, name="groups", least=1)
    if fitted.ndim != 2 or held.ndim != 2 or fitted.shape[1:] != held.shape[1:] or len(fitted) < 2:
        raise ValueError(f"expected rows (M, D) of one length, got {describe(fitted)} and {describe(held)}")
    dimension = fitted.shape[1]
    if dimension % groups:
        raise ValueError(f"{groups} groups do not divide {dimension} values")
    mean, total = fitted.mean(0), 0.0
    for own, seen in zip((fitted - mean).chunk(groups, 1), (held - mean).chunk(groups, 1), strict=True):
        covariance = own.T.double() @ own.double() / (len(own) - 1)
        covariance = covariance + ridge * torch.eye(len(covariance)).double()
        root = torch.linalg.cholesky(covariance)
        white = torch.linalg.solve_triangular(root, seen.T.double(), upper=False)
        total += float(white.square().sum(0).mean() / 2 + root.diagonal().log().sum())
    return total / dimension + math.log(2 * math.pi) / 2
