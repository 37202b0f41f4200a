"""A normal held to an orthant: Tallis' closed form, rejection, and the linear case in the limit."""

from __future__ import annotations

import math

import pytest
import torch

from deeprestore_lab.operators.linear_inverse import dense_inverse, hidden_mean, rectified_inverse


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.8])
def test_two_hidden_values_have_the_mean_of_the_closed_form(rho):
    covariance = torch.tensor([[1.0, rho], [rho, 1.0]])
    found = hidden_mean(torch.zeros(40, 2), torch.zeros(2), covariance, sweeps=400)
    chance = 1 / 4 + math.asin(rho) / (2 * math.pi)
    assert float(found.mean()) == pytest.approx(-(1 + rho) / (2 * math.sqrt(2 * math.pi)) / chance, abs=0.01)


def test_it_is_the_mean_of_draws_that_agree_with_what_is_seen():
    mean, root = torch.tensor([0.3, -0.2, 0.1]).double(), random(3, 3)
    covariance = root @ root.mT + 0.3 * torch.eye(3)
    seen = torch.tensor([[0.5, 0.0, 0.0]]).double()
    found = hidden_mean(seen.expand(60, 3), mean, covariance, sweeps=120).mean(0)
    # given u_1 the others are normal; keep those draws where both are below zero
    line = covariance[1:, 0] / covariance[0, 0]
    rest = covariance[1:, 1:] - line[:, None] * covariance[0, 1:]
    draws = mean[1:] + line * (0.5 - mean[0]) + random(200_000, 2, seed=1) @ torch.linalg.cholesky(rest).mT
    kept = draws[(draws <= 0).all(1)]
    assert found[0] == 0.5
    torch.testing.assert_close(found[1:], kept.mean(0), atol=0.02, rtol=0)


def test_where_nothing_is_hidden_it_is_the_linear_inverse():
    matrix, mean = random(5, 4), random(4, seed=1)
    covariance = torch.eye(4).double()
    y = random(3, 5, seed=2) + 9
    found = rectified_inverse(y, matrix, covariance, weight=2.0, mean=mean, bias=torch.ones(5).double())
    inverse = dense_inverse(matrix, covariance, weight=2.0)
    torch.testing.assert_close(found, mean + (y - matrix @ mean - 1) @ inverse.mT)


def test_all_hidden_it_is_the_mean_of_the_draws_that_come_out_as_zeros():
    matrix, mean, bias = random(3, 2), torch.tensor([0.4, -0.3]).double(), torch.tensor([-0.5, 0.2, 0.1]).double()
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.8]]).double()
    f = mean + random(400_000, 2, seed=1) @ torch.linalg.cholesky(covariance).mT
    u = f @ matrix.mT + bias + random(400_000, 3, seed=2) / 2  # noise of variance 1 / 4
    wanted = f[(u <= 0).all(1)].mean(0)
    found = rectified_inverse(
        torch.zeros(80, 3).double(), matrix, covariance, weight=4.0, mean=mean, bias=bias, sweeps=200
    )
    torch.testing.assert_close(found.mean(0), wanted, atol=0.02, rtol=0)


def test_single_precision_in_and_out():
    given = torch.relu(random(2, 3)).float(), random(3, 2, seed=1).float(), torch.eye(2)
    found = rectified_inverse(*given, weight=1.0, sweeps=20)
    double = rectified_inverse(*(own.double() for own in given), weight=1.0, sweeps=20)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), double, atol=1e-4, rtol=0)


@pytest.mark.parametrize("wrong", [{"mean": torch.zeros(3)}, {"bias": torch.zeros(2)}, {"bias": 0.5}])
def test_means_and_biases_of_another_length_are_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a tensor"):
        rectified_inverse(torch.zeros(1, 3), torch.ones(3, 2), torch.eye(2), weight=1.0, **wrong)


@pytest.mark.parametrize("seen", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(seen):
    with pytest.raises(ValueError, match="finite maps"):
        hidden_mean(torch.tensor([[seen, 0.0]]), torch.zeros(2), torch.eye(2))


def test_what_was_not_rectified_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        hidden_mean(-torch.ones(1, 1), torch.zeros(1), torch.eye(1))


def test_covariances_that_cannot_be_are_refused():
    zeros, alike, below = torch.zeros(1, 2), torch.ones(2, 2), torch.diag(torch.tensor([1.0, -2.0]))
    with pytest.raises(ValueError, match="eigenvalues above 0, got one of"):
        hidden_mean(zeros, zeros[0], alike)
    with pytest.raises(ValueError, match="eigenvalues at least 0, got one of -2"):
        rectified_inverse(zeros, torch.eye(2), below, weight=0.1)  # the noise would hide it
