r"""The linear-Gaussian inverse with any border, by one dense solve. Taught in chapter 16_linear_inverse."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, describe


def dense_inverse(matrix: torch.Tensor, covariance: torch.Tensor, *, weight: float) -> torch.Tensor:
    r"""B = Sigma W* (W Sigma W* + I / weight)^-1 = (Sigma^-1 / weight + W* W)^-1 W*, `(n, m)`.

    `matrix` is W, `(m, n)`, as `as_matrix` gives it; `covariance` is Sigma, `(n, n)`; `weight` one over the variance
    of the noise, infinite for the limit of maximum likelihood. In the precision of `matrix`. Raises `ValueError` for
    what does not fit.

    >>> round(dense_inverse(torch.tensor([[2.0]]), torch.tensor([[1.0]]), weight=1.0).item(), 3)
    0.4
    """
    _check(matrix, covariance)
    cross = covariance @ matrix.mT
    second = matrix @ cross
    second = (second + second.mT) / 2
    if weight == math.inf:
        return cross @ torch.linalg.pinv(second, hermitian=True)
    second = second + torch.eye(len(second)).to(second) / check_positive(weight, name="weight", single=True)
    return torch.cholesky_solve(cross.mT, torch.linalg.cholesky(second)).mT


def expected_errors(
    inverse: torch.Tensor, matrix: torch.Tensor, covariance: torch.Tensor, *, weight: float
) -> torch.Tensor:
    r"""E (B f' - f)^2 of each value under f ~ N(0, Sigma), f' = W f + noise, for any linear B, `(n,)`.

    The diagonal of (B W - I) Sigma (B W - I)* + B B* / weight. Raises `ValueError` for what does not fit.
    """
    _check(matrix, covariance)
    if inverse.shape != matrix.mT.shape:
        raise ValueError(
            f"an inverse of {describe(matrix)} has the shape {tuple(matrix.mT.shape)}: {describe(inverse)}"
        )
    left = inverse @ matrix - torch.eye(len(covariance)).to(matrix)
    noise = 0.0 if weight == math.inf else inverse.square().sum(1) / weight
    return ((left @ covariance) * left).sum(1) + noise


def _check(matrix: torch.Tensor, covariance: torch.Tensor) -> None:
    fits = isinstance(matrix, torch.Tensor) and isinstance(covariance, torch.Tensor) and matrix.ndim == 2
    if not fits or covariance.shape != (matrix.shape[1], matrix.shape[1]):
        raise ValueError(
            f"a matrix (m, n) needs a covariance (n, n), got {describe(matrix)} and {describe(covariance)}"
        )
