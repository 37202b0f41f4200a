"""Batch gradients against gradients one by one, and against every batch there is."""

from __future__ import annotations

from itertools import combinations, product

import pytest
import torch
from torch import nn

from deeprestore_lab.training.batch_gradients import (
    batch_gradients,
    batch_variance,
    example_gradients,
    share_of_variance,
)

ROWS = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1


def test_example_gradients_are_those_of_one_example_at_a_time():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 3)).double()
    inputs, targets = torch.rand(4, 1, 6, 6).double(), torch.rand(4, 1, 2, 2).double()
    rows = example_gradients(network, nn.functional.mse_loss, inputs, targets)
    for row, given, target in zip(rows, inputs, targets, strict=True):
        network.zero_grad()
        nn.functional.mse_loss(network(given[None]), target[None]).backward()
        torch.testing.assert_close(row, torch.cat([w.grad.flatten() for w in network.parameters()]))
    network.zero_grad()
    nn.functional.mse_loss(network(inputs), targets).backward()
    torch.testing.assert_close(rows.mean(0), torch.cat([w.grad.flatten() for w in network.parameters()]))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("replace", [True, False])
def test_the_variance_is_that_over_every_batch_there_is(size, replace):
    every = product(range(5), repeat=size) if replace else combinations(range(5), size)
    means = torch.stack([ROWS[list(batch)].mean(0) for batch in every])
    torch.testing.assert_close(means.mean(0), ROWS.mean(0))  # unbiased
    over_all = float((means - ROWS.mean(0)).square().sum(1).mean())
    assert batch_variance(ROWS, size, replace=replace) == pytest.approx(over_all, abs=1e-14)


@pytest.mark.parametrize("replace", [True, False])
def test_drawn_batches_have_that_mean_and_variance(replace):
    drawn = batch_gradients(ROWS, 3, batches=20000, replace=replace, seed=1)
    assert drawn.shape == (20000, 3)
    spread = float((drawn - ROWS.mean(0)).square().sum(1).mean())
    assert spread == pytest.approx(batch_variance(ROWS, 3, replace=replace), rel=0.03)  # three standard errors
    error = drawn.std(0) / 20000**0.5
    assert ((drawn.mean(0) - ROWS.mean(0)) / error).abs().max() < 4 < (0.05 / error).min()  # such a bias would be seen
    assert torch.equal(drawn, batch_gradients(ROWS, 3, batches=20000, replace=replace, seed=1))


def test_a_batch_without_replacement_holds_no_example_twice():
    units = torch.eye(6)
    drawn = batch_gradients(units, 4, batches=500, replace=False, seed=0)
    assert set(drawn.flatten().tolist()) == {0.0, 0.25} and (drawn.sum(1) == 1).all()
    assert batch_gradients(units, 4, batches=500, seed=0).max() >= 0.5


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="batch_size must be at most 5"):
        share_of_variance(ROWS, 6, replace=False)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        batch_gradients(ROWS, 0, batches=3)
    with pytest.raises(ValueError, match="gradients must be a float tensor"):
        batch_variance(ROWS[0], 1)
    with pytest.raises(ValueError, match="same length"):
        example_gradients(nn.Linear(1, 1), nn.functional.mse_loss, torch.zeros(3, 1), torch.zeros(2, 1))
