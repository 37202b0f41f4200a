"""Nearest Toeplitz matrices and distances: least squares by numpy, AR(1) in closed form, known fields."""

import math

import numpy as np
import pytest
import torch

from deeprestore_lab.measures.feature_statistics import (
    nearest_toeplitz,
    spatial_covariance,
    toeplitz_distance,
    toeplitz_floor,
    toeplitz_report,
)


def random_covariance(side: int, seed: int) -> torch.Tensor:
    root = torch.randn(side, 3 * side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return root @ root.T


@pytest.mark.parametrize("size", [(1, 5), (3, 4), (4, 2)])
def test_projection_is_the_least_squares_solution(size: tuple[int, int]) -> None:
    """A basis of all doubly block-Toeplitz matrices, built by loops, and numpy's least squares."""
    height, width = size
    places = [(y, x) for y in range(height) for x in range(width)]
    lags = sorted({(a[0] - b[0], a[1] - b[1]) for a in places for b in places})
    basis = np.stack([
        np.array([[float((a[0] - b[0], a[1] - b[1]) == lag) for b in places] for a in places]).ravel() for lag in lags
    ], 1)  # fmt: skip
    matrix = random_covariance(height * width, seed=0)
    best = basis @ np.linalg.lstsq(basis, matrix.numpy().ravel(), rcond=None)[0]
    assert np.allclose(nearest_toeplitz(matrix, size).ravel(), best, atol=1e-10)
    relative = np.linalg.norm(matrix.numpy().ravel() - best) / np.linalg.norm(matrix.numpy())
    assert toeplitz_distance(matrix, size) == pytest.approx(relative)


def test_projection_keeps_what_it_gives_and_the_mean_of_each_lag() -> None:
    matrix = random_covariance(12, seed=1)
    nearest = nearest_toeplitz(matrix, (3, 4))
    assert torch.allclose(nearest_toeplitz(nearest, (3, 4)), nearest, atol=1e-12)
    assert nearest.trace() == pytest.approx(float(matrix.trace()))
    assert toeplitz_distance(nearest, (3, 4)) < 1e-14


@pytest.mark.parametrize("rho", [0.3, 0.9])
def test_inverse_of_a_line_of_order_one(rho: float) -> None:
    """C_ij = rho^|i-j|: the inverse is tridiagonal, 1 + rho^2 inside and 1 at both ends, all over 1 - rho^2."""
    n = 9
    place = torch.arange(n).double()
    report = toeplitz_report(rho ** (place[:, None] - place).abs().unsqueeze(0)[0], (1, n), border=0)
    ends = 2 * (rho**2) ** 2 * (1 - 2 / n)  # squared distance of (1, a, ..., a, 1), a = 1 + rho^2, from its mean
    norm = (n - 2) * (1 + rho**2) ** 2 + 2 + 2 * (n - 1) * rho**2
    assert report.covariance < 1e-12
    assert report.inverse == pytest.approx(math.sqrt(ends / norm))
    assert report.null == pytest.approx(report.inverse)


def test_inside_of_a_markov_field_the_inverse_is_toeplitz() -> None:
    """A product of two lines of order one: its inverse reaches one position far, so a border of one is all."""
    place = torch.arange(6).double()
    line = 0.8 ** (place[:, None] - place).abs()
    report = toeplitz_report(torch.kron(line, line), 6)
    assert report.inverse > 0.1
    assert report.inverse_inside < 1e-10


def test_an_indefinite_nearest_matrix_has_no_null_and_the_tapered_one_does() -> None:
    """A variance that grows along the line: averaging the diagonals leaves no covariance."""
    scale = torch.tensor([0.1, 0.1, 0.1, 1.0, 3.0, 3.0]).double()
    place = torch.arange(6).double()
    matrix = scale[:, None] * 0.99 ** (place[:, None] - place).abs() * scale
    report = toeplitz_report(matrix, (1, 6), border=0)
    assert report.least < 0 and math.isnan(report.null)
    assert report.tapered > 0 and torch.linalg.eigvalsh(nearest_toeplitz(matrix, (1, 6), taper=True))[0] > 0


def test_taper_has_no_eigenvalue_below_zero() -> None:
    for seed in range(20):
        scale = torch.randn(12, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).exp()
        matrix = scale[:, :1] * random_covariance(12, seed=seed) * scale[:, :1].T
        assert torch.linalg.eigvalsh(nearest_toeplitz(matrix, (3, 4), taper=True))[0] > -1e-9 * matrix.trace()


def test_floor_of_fields_with_and_without_one() -> None:
    """White noise has none, whatever the sample says; noise twice as strong in one row has a known one."""
    draw = torch.Generator().manual_seed(0)
    white = torch.randn(60, 4, 3, 3, generator=draw, dtype=torch.float64)
    rows = white * torch.tensor([2.0, 1.0, 1.0]).double()[:, None]
    assert toeplitz_distance(spatial_covariance(white), 3) > 0.1
    assert toeplitz_floor(white) < 0.06
    truth = torch.tensor([4.0, 1.0, 1.0]).repeat_interleave(3).double()
    exact = float((truth - truth.mean()).norm() / truth.norm())
    few = [
        torch.randn(20, 4, 3, 3, generator=draw, dtype=torch.float64) * torch.tensor([2.0, 1.0, 1.0]).double()[:, None]
        for _ in range(30)
    ]
    floors = torch.tensor([toeplitz_floor(f) for f in few])
    distances = torch.tensor([toeplitz_distance(spatial_covariance(f), 3) for f in few])
    assert toeplitz_floor(rows) == pytest.approx(exact, abs=0.03)
    assert float(floors.mean()) == pytest.approx(exact, abs=0.025)
    assert float(distances.mean()) > exact + 0.01


def test_copies_are_no_photographs() -> None:
    draw = torch.Generator().manual_seed(3)
    few = torch.randn(6, 2, 3, 3, generator=draw, dtype=torch.float64)
    copies, groups = few.repeat(10, 1, 1, 1), torch.arange(6).repeat(10)
    assert toeplitz_floor(copies, groups=groups) == pytest.approx(toeplitz_floor(few))
    assert toeplitz_floor(copies) > toeplitz_floor(few) + 0.1


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="positions"):
        nearest_toeplitz(torch.eye(5), (2, 2))
    with pytest.raises(ValueError, match="no inverse"):
        toeplitz_report(torch.ones(4, 4), 2)
    with pytest.raises(ValueError, match="must be finite"):
        toeplitz_report(torch.full((4, 4), float("nan")), 2)
    with pytest.raises(ValueError, match="not zero"):
        toeplitz_distance(torch.zeros(4, 4), 2)
    with pytest.raises(ValueError, match="three photographs"):
        toeplitz_floor(torch.randn(2, 1, 2, 2))
    with pytest.raises(ValueError, match="every number"):
        toeplitz_floor(torch.randn(3, 1, 2, 2), groups=torch.tensor([0, 1, 3]))
