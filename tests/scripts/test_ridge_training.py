"""The order of the patches, and the loss, of the ridge regulariser's training."""

from __future__ import annotations

import math

import torch

from deeprestore_lab.priors.ridge_family import RidgeFamily
from scripts.making import ridge_training as training


def test_an_epoch_sees_each_patch_once_and_each_step_the_same_levels():
    steps = training.COUNT // training.BATCH
    for epoch in (0, 1):
        seen = torch.cat([training.places(epoch * steps + step) for step in range(steps)])
        assert seen.sort().values.tolist() == list(range(training.COUNT))
        assert (seen.view(steps, -1) % len(training.CYCLE) == torch.arange(len(training.CYCLE))).all()
    assert not torch.equal(training.places(0), training.places(steps))


def test_each_seed_draws_patches_and_orders_of_its_own(monkeypatch):
    first = [training.places(step) for step in (0, training.COUNT // training.BATCH)]
    assert torch.equal(first[0], training.places(0, seed=0))
    assert not any(torch.equal(order, training.places(0, seed=1)) for order in first)
    picture = torch.rand(1, 1, 90, 100, generator=torch.Generator().manual_seed(3))
    monkeypatch.setattr(training, "photographs", lambda source: [picture])
    drawn = [training.patches("free", count=8, seed=seed) for seed in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(*drawn[:2], strict=True))
    assert not torch.equal(drawn[0][0], drawn[2][0])
    assert torch.equal(drawn[0][2], drawn[2][2])  # the levels stay in turn


def test_the_loss_is_minus_the_psnr_of_the_error_and_the_typical_one_inside_of_the_frame():
    x, y = torch.zeros(1, 1, 20, 20), torch.full((1, 1, 20, 20), 0.1)
    y[..., : training.FRAME, :] = 5.0  # the frame counts nothing
    expected = 10 * math.log10(0.1**2 + training.TYPICAL * 0.2**1.25)
    assert math.isclose(float(training.decibels(x, y, 0.2)), expected, rel_tol=1e-5)


def test_a_step_down_the_gradient_lowers_the_loss():
    family = RidgeFamily(size=3)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 1, 6, 6, generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    sigma = torch.tensor([15 / 255, 50 / 255])
    y = x + sigma.view(-1, 1, 1, 1) * torch.randn(x.shape, generator=generator)
    batch = torch.arange(2), x, y, sigma
    before = training.Learning(family)(batch)
    before.backward()
    with torch.no_grad():
        slope = sum(float(p.grad.square().sum()) for p in family.parameters())
        for p in family.parameters():
            p -= 0.05 / slope * p.grad
        after = training.Learning(family)(batch)
    assert after.item() < before.item() - 0.02  # the first order says 0.05
