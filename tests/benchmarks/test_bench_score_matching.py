"""The benchmark of score matching: its peers minimise the same loss, and a row says who got there."""

from importlib import import_module

import pytest
import torch

from deeprestore_lab.training.score_matching import explicit_loss


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_score_matching")


def test_every_side_lowers_the_same_loss(bench):
    z = bench.samples(1000)
    start = float(explicit_loss(bench.random_rows(bench.COUNT, 63), torch.full((bench.COUNT,), 2.0), z))
    for filters, weights in (bench.ours(z, 8), bench.joint(z, 8, lr=0.02), bench.limited_memory(z, 4)):
        torch.testing.assert_close(filters.norm(dim=1), torch.ones(bench.COUNT), rtol=0, atol=1e-5)
        assert (weights >= 0).all() and float(explicit_loss(filters, weights, z)) < start


def test_a_row_says_who_got_there(bench):
    z = bench.samples(1000)
    assert bench.first_below(bench.ours, z, float("inf"), (1, 2))[0] == 1
    assert bench.first_below(bench.ours, z, float("-inf"), (1, 2))[0] is None
    never = bench.row("x", (10, 1.0, -5.0), "peer", (None, 4.0, -3.0), goal="3 times", line=-4.5)
    assert never["ratio"] == 4 and never["met"] and "NOT reached" in never["note"]
    assert not bench.row("x", (None, 1.0, -4.0), "peer", (9, 4.0, -5.0), goal="3 times", line=-4.5)["met"]
