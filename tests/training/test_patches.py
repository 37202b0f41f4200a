"""Patches are windows of the photographs, each position as likely as another, and the seed decides alone."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.training import Patches

NUMBERED = torch.arange(2 * 12 * 10, dtype=torch.float32).reshape(1, 2, 12, 10)


def windows(x: torch.Tensor, size: int, step: int) -> torch.Tensor:
    return x.unfold(2, size, step).unfold(3, size, step).permute(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1], size, size)


@pytest.mark.parametrize(("crops", "step"), [(True, 1), (False, 4)])
def test_every_patch_is_a_window(crops, step):
    patches = Patches([NUMBERED, NUMBERED[..., :7] + 1000], size=4, crops=crops)
    expected = torch.cat([windows(NUMBERED, 4, step), windows(NUMBERED[..., :7] + 1000, 4, step)])
    assert torch.equal(patches.every(), expected) and patches.positions == len(expected)


def test_draws_depend_on_the_seed_alone_and_are_windows_or_mirrored_ones():
    patches = Patches([NUMBERED], size=4)
    drawn = patches.draw(60, seed=3)
    assert torch.equal(drawn, patches.draw(60, seed=3)) and not torch.equal(drawn, patches.draw(60, seed=4))
    known = {tuple(window.flatten().tolist()) for window in windows(NUMBERED, 4, 1)}
    straight = [tuple(patch.flatten().tolist()) in known for patch in drawn]
    mirrored = [tuple(patch.flip(-1).flatten().tolist()) in known for patch in drawn]
    assert all(a != b for a, b in zip(straight, mirrored, strict=True)) and 15 < sum(straight) < 45
    assert all(tuple(p.flatten().tolist()) in known for p in Patches([NUMBERED], size=4, flips=False).draw(20, seed=0))


def test_positions_are_equally_likely():
    patches = Patches([NUMBERED, NUMBERED[..., :5]], size=4, flips=False)  # 63 and 18 positions
    first = patches.draw(8100, seed=0)[:, 0, 0, 0]
    counts = torch.stack([(first == value).sum() for value in first.unique()])
    corners = len(first.unique())  # the second photograph's corners are also those of the first
    assert corners == 63 and counts.sum() == 8100
    shared = counts[counts > 150]  # twice as likely, 200 expected
    assert len(shared) == 18 and (shared - 200).abs().max() < 5 * 200**0.5
    assert (counts[counts <= 150] - 100).abs().max() < 5 * 100**0.5


def test_wrong_photographs_are_named():
    with pytest.raises(ValueError, match="sequence of image tensors"):
        Patches(NUMBERED, size=4)
    with pytest.raises(ValueError, match="at least 16 x 16"):
        Patches([NUMBERED], size=16)
    with pytest.raises(ValueError, match="must have 2 channels"):
        Patches([NUMBERED, torch.zeros(1, 3, 12, 12)], size=4)
    with pytest.raises(ValueError, match="more than the limit of 5"):
        Patches([NUMBERED], size=4).every(limit=5)
