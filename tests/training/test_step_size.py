"""Curvature against a Hessian that is written out; 2/L against descents just below and above it."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.training.least_squares import LeastSquares, descend
from deeprestore_lab.training.step_size import full_batch_threshold, largest_curvature


def test_the_curvature_of_a_small_network():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 20, 3, generator=draw, dtype=torch.float64)
    theta = torch.randn(18, generator=draw, dtype=torch.float64)

    def loss(weights):
        return (torch.tanh(x @ weights[:9].reshape(3, 3)) @ weights[9:].reshape(3, 3) - y).square().mean()

    values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta))
    assert largest_curvature(loss, theta, tolerance=1e-10) == pytest.approx(float(values[-1]), rel=1e-4)


@pytest.mark.parametrize(
    ("curvatures", "largest"),
    [
        ((-9.0, 2.0, 5.0), 5.0),
        ((-4.0, -1.0, -3.0), -1.0),
        ((0.0,), 0.0),
        ((2.0, -2.0), 2.0),
        ((3.0, 1.0, -2.999), 3.0),
    ],
)
def test_the_largest_is_found_where_another_is_larger_in_size(curvatures, largest):
    diagonal = torch.tensor(curvatures, dtype=torch.float64)
    found = largest_curvature(lambda theta: (diagonal * theta.square()).sum() / 2, torch.zeros_like(diagonal))
    assert found == pytest.approx(largest, abs=1e-3)


def test_descents_converge_below_the_threshold_and_diverge_above_it():
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 5, generator=draw, dtype=torch.float64)
    problem = LeastSquares(inputs, torch.randn(50, generator=draw, dtype=torch.float64))
    edge = full_batch_threshold(largest_curvature(problem.loss, torch.zeros(5, dtype=torch.float64)))
    rates = edge * torch.tensor([0.995, 1.005], dtype=torch.float64)
    path = descend(problem, torch.ones(2, 5, dtype=torch.float64), lr=rates, steps=3000)
    below, above = problem.excess(path[-1]) / problem.excess(path[0])
    assert below < 1e-12 and above > 1e12  # (1 - 0.01)^6000 and (1 + 0.01)^6000


def test_what_does_not_fit_is_refused():
    for wrong in (-1.0, float("inf"), "4"):
        with pytest.raises(ValueError, match="largest curvature must be a finite number above 0"):
            full_batch_threshold(wrong)
    with pytest.raises(ValueError, match="theta must be a float tensor"):
        largest_curvature(lambda theta: theta.sum(), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="loss must give one number"):
        largest_curvature(lambda theta: theta, torch.zeros(3))


@pytest.mark.parametrize("seed", range(4))
def test_the_curvature_of_a_saddle(seed):
    """theta_0 theta_1 has the eigenvalues 1 and -1: no even power of its Hessian tells them apart."""
    found = largest_curvature(lambda theta: theta[0] * theta[1], torch.ones(2), seed=seed)
    assert found == pytest.approx(1.0, rel=1e-5)
