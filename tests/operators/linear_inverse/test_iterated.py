"""Polynomials in place of an inverse: against the explicit network, least squares and a solver."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.operators import ConvolutionLayer, as_matrix
from deeprestore_lab.operators.linear_inverse import (
    best_polynomial_errors,
    chebyshev_errors,
    dense_inverse,
    expected_errors,
    exponential_covariance,
    normal_spectrum,
)

WEIGHT = 30.0


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    kernels = torch.tensor([[[[1.0, 2.0, 1.0]] * 2]], dtype=torch.float64) / 8
    layer = ConvolutionLayer(kernels, size=(5, 6))
    return as_matrix(layer, layer.in_shape), exponential_covariance((5, 6), length=3.0)


def polynomial_errors(powers: int, choose) -> float:
    """The added error of p(M) W*, p chosen by `choose`, with the dense matrices alone."""
    matrix, covariance = problem()
    normal = torch.linalg.inv(covariance) / WEIGHT + matrix.mT @ matrix
    parts, now = [], matrix.mT
    for _ in range(powers):
        parts.append(now)
        now = normal @ now
    inverse = sum(c * part for c, part in zip(choose(normal, parts), parts, strict=True))
    best = dense_inverse(matrix, covariance, weight=WEIGHT)
    return float(
        sum(
            sign * expected_errors(b, matrix, covariance, weight=WEIGHT).sum() for sign, b in ((1, inverse), (-1, best))
        )
    )


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_the_best_polynomial_is_the_least_squares_one(blocks):
    matrix, covariance = problem()
    values, along = normal_spectrum(matrix, torch.linalg.inv(covariance), weight=WEIGHT)

    def least_squares(normal, parts):
        second = matrix @ covariance @ matrix.mT + torch.eye(len(matrix)) / WEIGHT
        root = torch.linalg.cholesky(second)
        target = (dense_inverse(matrix, covariance, weight=WEIGHT) @ root).flatten()
        columns = torch.stack([(part @ root).flatten() for part in parts], 1)
        return torch.linalg.lstsq(columns, target[:, None], driver="gelsd").solution[:, 0]

    found = best_polynomial_errors(values, along, blocks=blocks)
    assert float(found[-1]) == pytest.approx(polynomial_errors(blocks, least_squares), rel=1e-6)
    assert (found.diff() <= 0).all()


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_chebyshev_is_the_polynomial_of_that_name(blocks):
    matrix, covariance = problem()
    values, along = normal_spectrum(matrix, torch.linalg.inv(covariance), weight=WEIGHT)

    def by_numpy(normal, parts):
        low, high = (float(value) for value in torch.linalg.eigvalsh(normal)[[0, -1]])
        line = np.polynomial.Polynomial([(high + low) / (high - low), -2 / (high - low)])
        t = np.polynomial.Chebyshev.basis(blocks).convert(kind=np.polynomial.Polynomial)(line)
        return list(-(t / t(0)).coef[1:])  # 1 - mu p = T(l(mu)) / T(l(0))

    found = chebyshev_errors(values, along, blocks=blocks)
    assert float(found[-1]) == pytest.approx(polynomial_errors(blocks, by_numpy), rel=1e-6)
    assert (best_polynomial_errors(values, along, blocks=blocks) <= found * (1 + 1e-9)).all()


def test_as_many_blocks_as_different_values_leave_nothing():
    values, along = torch.tensor([1.0, 1.0, 3.0, 7.0]), torch.tensor([1.0, 2.0, 0.5, 1.0])
    assert float(best_polynomial_errors(values, along, blocks=3)[-1]) < 1e-20
    with pytest.raises(ValueError, match="above 0"):
        best_polynomial_errors(-values, along, blocks=1)
    with pytest.raises(ValueError, match="weight must be"):
        normal_spectrum(*problem(), weight=0.0)
    with pytest.raises(ValueError, match=r"needs a precision \(n, n\)"):
        normal_spectrum(torch.ones(2, 3), torch.eye(2), weight=1.0)
    with pytest.raises(ValueError, match="precision must have eigenvalues above 0"):
        normal_spectrum(torch.eye(2), torch.zeros(2, 2), weight=1.0)
