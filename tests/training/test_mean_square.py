"""The second moment of stochastic descent against closed forms, every batch there is, and long runs."""

from __future__ import annotations

from itertools import combinations, product

import pytest
import torch

from deeprestore_lab.training.least_squares import LeastSquares, descend
from deeprestore_lab.training.mean_square import MeanSquare, measured_growth


def random_problem(count, width, seed=0):
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, width, generator=draw, dtype=torch.float64)
    return LeastSquares(inputs, torch.randn(count, generator=draw, dtype=torch.float64))


def growth_by_every_batch(problem, size, lr, *, replace):
    """The spectral radius of E[(I - lr H_B) x (I - lr H_B)], the mean taken over every batch."""
    count, width = problem.inputs.shape
    every = list(product(range(count), repeat=size) if replace else combinations(range(count), size))
    total = 0
    for batch in every:
        rows = problem.inputs[list(batch)]
        step = torch.eye(width, dtype=torch.float64) - lr * rows.mT @ rows / size
        total = total + torch.kron(step, step)
    return float(torch.linalg.eigvals(total / len(every)).abs().max())


@pytest.mark.parametrize(("size", "replace"), [(1, True), (2, True), (2, False), (3, False)])
def test_growth_and_threshold_are_those_of_every_batch(size, replace):
    problem = random_problem(5, 3)
    moment = MeanSquare(problem, size, replace=replace)
    edge = moment.threshold()
    assert growth_by_every_batch(problem, size, edge, replace=replace) == pytest.approx(1, abs=1e-9)
    for lr in (0.5 * edge, 1.3 * edge):
        assert moment.growth(lr) == pytest.approx(growth_by_every_batch(problem, size, lr, replace=replace), rel=1e-9)


def test_with_everything_in_the_batch_the_threshold_is_that_of_full_batches():
    problem = random_problem(12, 4)
    largest = float(torch.linalg.eigvalsh(problem.hessian)[-1])
    edges = [MeanSquare(problem, size, replace=False).threshold() for size in (1, 3, 6, 12)]
    assert edges == sorted(edges) and edges[-1] == pytest.approx(2 / largest)


def test_one_weight_in_closed_form():
    a, b = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64)
    problem = LeastSquares(a[:, None], b)
    h, fourth = a.square().mean(), a.pow(4).mean()
    scatter = h**2 / 2 + fourth / 2  # batches of two
    assert MeanSquare(problem, 2).threshold() == pytest.approx(float(2 * h / scatter))
    noise = (a * (a * problem.minimiser - b)).square().mean() / 2
    expected = h / 2 * 0.1 * noise / (2 * h - 0.1 * scatter)
    assert MeanSquare(problem, 2).plateau(0.1) == pytest.approx(float(expected))
    assert MeanSquare(problem, 2).plateau(1.0) == float("inf")


def test_the_plateau_is_where_long_runs_stay():
    problem = random_problem(40, 3)
    moment = MeanSquare(problem, 4)
    lr = moment.threshold() / 4
    path = descend(problem, problem.minimiser.expand(300, -1), lr=lr, steps=200, batch_size=4, seed=5)
    assert float(problem.excess(path[80:]).mean()) == pytest.approx(moment.plateau(lr), rel=0.05)


def test_directions_that_no_example_has_are_left_out():
    problem = random_problem(20, 3)
    wider = LeastSquares(torch.cat([problem.inputs, torch.zeros(20, 2)], 1), problem.targets)
    assert MeanSquare(wider, 2).threshold() == pytest.approx(MeanSquare(problem, 2).threshold())


def test_the_growth_that_is_measured():
    problem = random_problem(30, 3)
    moment = MeanSquare(problem, 2)
    for lr in (0.7 * moment.threshold(), 1.2 * moment.threshold()):
        mean, typical = measured_growth(problem, lr=lr, batch_size=2, runs=500, steps=60)
        assert mean == pytest.approx(moment.growth(lr), rel=0.03)
        assert typical < mean  # Jensen's inequality


def test_one_weight_grows_typically_by_its_mean_logarithm():
    a = torch.tensor([[0.5], [2.0]], dtype=torch.float64)
    problem = LeastSquares(a, a[:, 0])
    mean, typical = measured_growth(problem, lr=0.6, batch_size=1, runs=2000, steps=20)
    factors = (1 - 0.6 * a.square()).square()
    assert mean == pytest.approx(float(factors.mean()), rel=0.02)
    assert typical == pytest.approx(float(factors.log().mean().exp()), rel=0.02)


def test_growth_needs_a_run():
    with pytest.raises(ValueError, match="runs must be a whole number of at least 1"):
        measured_growth(random_problem(5, 3), lr=0.1, batch_size=1, runs=0)
