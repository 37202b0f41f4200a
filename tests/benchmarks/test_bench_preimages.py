"""The benchmark of pre-images: both sides reach the level that they are timed to, on small pictures."""

from importlib import import_module

import pytest
import torch

from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.images.named_photographs import photograph


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_preimages")


@pytest.fixture
def problem(bench):
    phi = bench.network()[0].at(bench.LAYER)
    with torch.no_grad():
        return phi, phi(photograph("astronaut", size=32))


@pytest.mark.parametrize("half", [False, True])
def test_ours_ends_at_the_level(bench, problem, half):
    phi, target = problem
    x, steps, error = bench.ours(phi, target, half=half)
    assert error <= bench.LEVEL
    assert steps < bench.LONGEST
    assert float(RepresentationError(phi, target)(x)) == pytest.approx(error, rel=1e-3)


def test_the_peer_ends_at_the_level_and_may_run_more_of_the_network(bench, problem):
    phi, target = problem
    seen = []
    x, steps, error = bench.by_momentum(phi, target, 0.008 * 32**2, rest=seen.append)
    assert error <= bench.LEVEL
    assert len(seen) == steps + 1
    assert float(RepresentationError(phi, target)(x)) == pytest.approx(error, rel=1e-3)


def test_a_step_of_one_in_scaled_coefficients_has_the_size_of_a_picture(bench):
    x0 = torch.full((1, 3, 16, 16), 0.5)
    way = bench.ScaledFourier(x0, decay=0.0, share=0.1)
    torch.testing.assert_close(way(), x0)
    way.theta.data += torch.nn.functional.normalize(torch.randn(x0.shape).flatten(), dim=0).reshape(x0.shape)
    assert float((way().detach() - x0).norm()) == pytest.approx(0.1 * x0.numel() ** 0.5, rel=1e-4)


def test_eight_weights_give_the_pictures_of_eight_runs(bench):
    row = bench.batch("adam", size=16, steps=3, repeats=1)
    assert float(row["note"].split("by ")[1].split()[0]) <= 1e-4
