"""The benchmark of a step's overhead: its peer is Adam on the same energy, and calls are those of one step."""

import pytest
import torch

from benchmarks import bench_overhead as bench


def test_the_peer_takes_the_same_steps():
    torch.testing.assert_close(bench.library("adam")(12), bench.adam(12), rtol=0, atol=1e-5)


def test_calls_are_those_of_a_step():
    def leaf():
        return None

    def run(steps):
        leaf()  # of the start, not of a step
        for _ in range(3 * steps):
            leaf()

    assert bench.calls(run) == 3


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "admm"])
def test_a_step_makes_a_third_fewer_calls_than_with_checks_in_the_loop(solver):
    run = bench.library(solver)
    run(1)
    assert bench.calls(run, low=2, high=8) <= bench.GOAL * bench.BEFORE[solver]
