"""The benchmark of activation maximisation: with the same draws both sides make the same picture."""

from importlib import import_module

import pytest
import torch


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_activation")


@pytest.mark.parametrize("layer", ["fire5", "conv10"])
def test_both_sides_make_the_same_picture_of_one_unit(bench, layer):
    net, _ = bench.network()
    mine, theirs = (make(net, layer, [3], size=48, steps=8) for make in (bench.ours, bench.by_the_book))
    assert float((mine - bench.start(1, 48)).abs().mean()) > 0.1
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-2)


def test_a_row_says_what_was_reached(bench):
    row = bench.row("fire5", size=48, steps=2, repeats=1)
    assert row["ours_s"] > 0 and row["ratio"] == pytest.approx(row["peer_s"] / row["ours_s"])
    assert "over the peer's" in row["note"]
