"""The benchmark of style transfer: both sides measure one loss, closures are counted, every row is made."""

from importlib import import_module

import pytest
import torch

import deeprestore_lab as drl


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_style")


@pytest.mark.parametrize("whole", [True, False])
def test_the_textbook_loss_is_the_library_s(bench, whole):
    net = drl.backbones.load("vgg16", "random", seed=2)
    plain, x = bench.Textbook(net, 32, whole=whole), torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(plain.loss(x), bench.energy(net, 32)(x)[0], rtol=1e-4, atol=0)


def test_single_closures_are_the_steps_of_one_run(bench):
    net, start = drl.backbones.load("vgg16", "random", seed=2), bench.pictures(32)[0]
    plain = bench.Textbook(net, 32, whole=False)
    plain.start(start)
    for _ in range(4):
        assert plain.closure() > 0
    assert plain.closures == 4
    x = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([x], max_iter=4, tolerance_grad=0, tolerance_change=0)

    def closure():
        optimiser.zero_grad()
        loss = plain.loss(x)
        loss.backward()
        return loss

    optimiser.step(closure)
    torch.testing.assert_close(plain.x, x, atol=1e-4, rtol=0)
    assert float(plain.loss(x.detach())) < float(plain.loss(start))


def test_every_evaluation_counts(bench):
    x = torch.rand(1, 3, 8, 8)
    target = drl.energies.GaussianLikelihood(drl.operators.Identity(), torch.zeros_like(x), sigma=1.0)
    trace, seconds, calls = bench.search(target + 0.1 * drl.priors.TotalVariation(smoothing=0.1), x, 3)
    assert len(seconds) == 3
    assert int(trace.steps) == 3
    assert calls >= 4  # the start, and one at least for each step


@pytest.mark.slow
def test_every_row_is_made(bench):
    rows = bench.run(size=32, closures=3, few=1, batch_size=24)
    assert [row["peer"] for row in rows] == ["textbook", "one pass, torch's L-BFGS", "VGG16", "8 runs"]
    assert all(row["peer_s"] > 0 for row in rows)
