"""Least squares against NumPy and autograd; descents against their closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.training.least_squares import LeastSquares, descend


def random_problem(count=30, width=4):
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, width, generator=draw, dtype=torch.float64)
    return LeastSquares(inputs, inputs[:, 0] + torch.randn(count, generator=draw, dtype=torch.float64))


PROBLEM = random_problem()
STARTS = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_minimiser_hessian_and_gradients():
    inputs, targets = PROBLEM.inputs.numpy(), PROBLEM.targets.numpy()
    np.testing.assert_allclose(PROBLEM.minimiser, np.linalg.lstsq(inputs, targets, rcond=None)[0])
    theta = STARTS[0].clone().requires_grad_()
    torch.testing.assert_close(PROBLEM.hessian, torch.autograd.functional.hessian(PROBLEM.loss, theta))
    (gradient,) = torch.autograd.grad(PROBLEM.loss(theta), theta)
    torch.testing.assert_close(PROBLEM.example_gradients(theta.detach()).mean(0), gradient)
    torch.testing.assert_close(PROBLEM.excess(STARTS), PROBLEM.loss(STARTS) - PROBLEM.loss(PROBLEM.minimiser))


def test_full_batches_shrink_the_error_by_powers_of_a_matrix():
    path = descend(PROBLEM, STARTS, lr=0.2, steps=7)
    matrix = torch.linalg.matrix_power(torch.eye(4, dtype=torch.float64) - 0.2 * PROBLEM.hessian, 7)
    expected = PROBLEM.minimiser + (STARTS - PROBLEM.minimiser) @ matrix.mT
    torch.testing.assert_close(path[-1], expected)
    assert path.shape == (8, 3, 4) and torch.equal(path[0], STARTS)
    everything = descend(PROBLEM, STARTS, lr=0.2, steps=7, batch_size=30, replace=False)
    torch.testing.assert_close(everything, path)


@pytest.mark.parametrize("replace", [True, False])
def test_small_batches_are_right_on_average(replace):
    starts = STARTS[:1].expand(20000, -1)
    path = descend(PROBLEM, starts, lr=0.1, steps=5, batch_size=2, replace=replace, seed=3)
    error = path[-1].std(0) / 20000**0.5
    gap = path[-1].mean(0) - descend(PROBLEM, STARTS[:1], lr=0.1, steps=5)[-1, 0]
    assert (gap.abs() < 4 * error).all() and (error > 0).all()


def test_a_step_size_for_each_run_and_one_for_each_step():
    rates = torch.tensor([0.05, 0.1, 0.2], dtype=torch.float64)
    together = descend(PROBLEM, STARTS, lr=rates, steps=4)
    for run, rate in enumerate(rates.tolist()):
        torch.testing.assert_close(
            together[:, run : run + 1], descend(PROBLEM, STARTS[run : run + 1], lr=rate, steps=4)
        )
    halved = descend(PROBLEM, STARTS, lr=lambda step: 0.2 / (step + 1), steps=2)
    torch.testing.assert_close(halved[2], descend(PROBLEM, halved[1], lr=0.1, steps=1)[1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"inputs must be a float tensor \(n, P\)"):
        LeastSquares(torch.zeros(3, 2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"inputs must be a float tensor \(n, P\)"):
        LeastSquares([[1.0]], [1.0])
    with pytest.raises(ValueError, match=r"start must be \(runs, 4\)"):
        descend(PROBLEM, STARTS[0], lr=0.1, steps=1)
    with pytest.raises(ValueError, match=r"start must be \(runs, 4\)"):
        descend(PROBLEM, STARTS.tolist(), lr=0.1, steps=1)
    with pytest.raises(ValueError, match="lr must be one number or one for each of 3 runs"):
        descend(PROBLEM, STARTS, lr=torch.ones(2), steps=1)
    with pytest.raises(ValueError, match="batch_size must be at most 30"):
        descend(PROBLEM, STARTS, lr=0.1, steps=1, batch_size=31, replace=False)
