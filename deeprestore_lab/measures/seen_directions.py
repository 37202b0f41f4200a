"""Which changes of a picture a layer sees: its Jacobian as a matrix, and what lies in its null space.

Taught in chapter 19_feature_map_priors.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.autograd.functional import jvp

from deeprestore_lab.core.checks import check_images, check_positive, describe

AT_ONCE = 128  # directions in one pass


def jacobian_matrix(phi: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    r"""J `(m, n)`: the derivative of each of m values of phi(x) by each of the n values of one picture `x`.

    Column by column, many in one batch: phi must take each picture of a batch by itself. Raises `ValueError` for more
    than one picture. Taught in chapter 19_feature_map_priors.

    >>> jacobian_matrix(lambda x: x.sum(3, keepdim=True), torch.rand(1, 1, 1, 3))
    tensor([[1., 1., 1.]])
    """
    if len(check_images(x)) != 1:
        raise ValueError(f"a Jacobian is that of one picture, got {describe(x)}")
    directions = torch.eye(x.numel()).to(x).view(-1, *x.shape[1:])
    columns = [jvp(phi, x.detach().expand_as(part).contiguous(), part)[1] for part in directions.split(AT_ONCE)]
    return torch.cat(columns).flatten(1).detach().T


def unseen(jacobian: torch.Tensor, *, threshold: float = 0.01) -> torch.Tensor:
    r"""An orthonormal basis, in rows `(d, n)`, of the changes that a layer hardly sees.

    Right singular vectors of J whose singular value is at most `threshold` times the largest: with 0, those of J's null
    space. Raises `ValueError` for what is no matrix. Taught in chapter 19_feature_map_priors.

    >>> unseen(torch.tensor([[2.0, 0.0], [0.0, 0.01]])).abs()
    tensor([[0., 1.]])
    """
    if jacobian.ndim != 2:
        raise ValueError(f"a Jacobian must be a matrix (m, n), got {describe(jacobian)}")
    if threshold:
        check_positive(threshold, name="threshold", single=True)
    _, values, rows = torch.linalg.svd(jacobian, full_matrices=True)
    least = max(threshold, torch.finfo(values.dtype).eps * max(jacobian.shape)) * values.max()
    return rows[int((values > least).sum()) :]


def share_within(basis: torch.Tensor, change: torch.Tensor) -> float:
    r"""||B v||^2 / ||v||^2: how much of the change `v` lies in the span of the orthonormal rows of `basis`.

    Raises `ValueError` for a change of another length, or zero. Taught in chapter 19_feature_map_priors.

    >>> share_within(torch.tensor([[1.0, 0.0]]), torch.tensor([3.0, 4.0]))
    0.36...
    """
    v = change.detach().flatten().to(basis)
    if basis.ndim != 2 or basis.shape[1] != len(v) or not float(v.norm()) > 0:
        raise ValueError(f"expected a change of {basis.shape[-1]} values other than zero, got {describe(change)}")
    return float((basis @ v).square().sum() / v.square().sum())
