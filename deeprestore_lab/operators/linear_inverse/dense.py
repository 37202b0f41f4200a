r"""The linear-Gaussian inverse with any border, by one dense solve. Taught in chapter 16_linear_inverse."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, describe


def check_covariance(covariance: torch.Tensor, *, name: str = "covariance", singular: bool = True) -> torch.Tensor:
    """Return `covariance` `(..., n, n)` if it is one: finite, Hermitian, no eigenvalue below 0 by more than rounding.

    Without `singular` none may be 0 either. Else raises `ValueError`. By Cholesky factors, cheaper than eigenvalues.
    """
    own = covariance.detach()
    if not (own.is_floating_point() or own.is_complex()) or not torch.isfinite(own).all():
        raise ValueError(f"{name} must hold finite floating-point numbers, got {describe(covariance)}")
    rounding = 32 * torch.finfo(own.dtype).eps * float(own.diagonal(dim1=-2, dim2=-1).abs().sum(-1).max())
    if (apart := float((own - own.mH).abs().max())) > rounding:
        raise ValueError(f"{name} must be symmetric (Hermitian), got entries {apart:.3g} apart from their mirror image")
    if torch.linalg.cholesky_ex(own + singular * rounding * torch.eye(own.shape[-1]).to(own)).info.any():
        least = float(torch.linalg.eigvalsh(own).min())
        wanted = "at least 0" if singular else "above 0"
        raise ValueError(f"{name} must have eigenvalues {wanted}, got one of {least:.3g}")
    return covariance


def noise_variance(weight: float) -> float:
    """1 / `weight`, and 0 for infinity, the limit of maximum likelihood. Raises `ValueError` for others not above 0."""
    unlimited = isinstance(weight, float) and weight == math.inf
    return 0.0 if unlimited else 1 / check_positive(weight, name="weight", single=True)


def dense_inverse(matrix: torch.Tensor, covariance: torch.Tensor, *, weight: float) -> torch.Tensor:
    r"""B = Sigma W* (W Sigma W* + I / weight)^-1 = (Sigma^-1 / weight + W* W)^-1 W*, `(n, m)`.

    `matrix` is W, `(m, n)`, as `as_matrix` gives it; `covariance` is Sigma, `(n, n)`; `weight` one over the variance
    of the noise, infinite for the limit of maximum likelihood. In the precision of `matrix`. Raises `ValueError` for
    what does not fit.

    >>> round(dense_inverse(torch.tensor([[2.0]]), torch.tensor([[1.0]]), weight=1.0).item(), 3)
    0.4
    """
    check_model(matrix, covariance)
    noise = noise_variance(weight)
    cross = covariance @ matrix.mT
    second = matrix @ cross
    second = (second + second.mT) / 2
    if not noise:
        return cross @ torch.linalg.pinv(second, hermitian=True)
    second = second + torch.eye(len(second)).to(second) * noise
    return torch.cholesky_solve(cross.mT, torch.linalg.cholesky(second)).mT


def expected_errors(
    inverse: torch.Tensor, matrix: torch.Tensor, covariance: torch.Tensor, *, weight: float
) -> torch.Tensor:
    r"""E (B f' - f)^2 of each value under f ~ N(0, Sigma), f' = W f + noise, for any linear B, `(n,)`.

    The diagonal of (B W - I) Sigma (B W - I)* + B B* / weight. Raises `ValueError` for what does not fit.
    """
    check_model(matrix, covariance)
    noise = noise_variance(weight)
    if not isinstance(inverse, torch.Tensor) or inverse.shape != matrix.mT.shape:
        raise ValueError(
            f"an inverse of {describe(matrix)} has the shape {tuple(matrix.mT.shape)}: {describe(inverse)}"
        )
    left = inverse @ matrix - torch.eye(len(covariance)).to(matrix)
    return ((left @ covariance) * left).sum(1) + noise * inverse.square().sum(1)


def check_model(matrix: torch.Tensor, covariance: torch.Tensor) -> None:
    """Raise `ValueError` unless `matrix` is finite, `(m, n)`, and `covariance` one `(n, n)` of its precision."""
    fits = isinstance(matrix, torch.Tensor) and isinstance(covariance, torch.Tensor) and matrix.ndim == 2
    if not fits or covariance.shape != (matrix.shape[1], matrix.shape[1]):
        raise ValueError(
            f"a matrix (m, n) needs a covariance (n, n), got {describe(matrix)} and {describe(covariance)}"
        )
    if not matrix.is_floating_point() or matrix.dtype != covariance.dtype or not torch.isfinite(matrix).all():
        raise ValueError(
            "a matrix must hold finite floating-point numbers of the covariance's precision, got "
            f"{describe(matrix)} and {describe(covariance)}"
        )
    check_covariance(covariance)
