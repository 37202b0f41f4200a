"""Batches of pairs: poses against NumPy, windows by places as values; patches are windows, by the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.training import Patches
from deeprestore_lab.training.augmentation import pair_batches, turned
from refusals import refused


def places(n=3, h=7, w=9):
    """Pictures in which every value is different from every other."""
    return torch.arange(n * h * w, dtype=torch.float64).reshape(n, 1, h, w)


def draws(flips, crops, steps=60, size=5, seed=0, x=None):
    x = places() if x is None else x
    draw = pair_batches(x, -x, size=size, count=4, flips=flips, crops=crops, seed=seed)
    return [draw(step) for step in range(steps)]


@pytest.mark.parametrize("pose", range(8))
def test_the_poses_are_numpys(pose):
    x = places()
    expected = x.numpy().swapaxes(2, 3) if pose & 4 else x.numpy()
    expected = np.flip(expected, 3) if pose & 1 else expected
    expected = np.flip(expected, 2) if pose & 2 else expected
    np.testing.assert_array_equal(turned(x, pose), expected)


def test_the_eight_poses_differ():
    assert len({tuple(turned(places(1, 3, 3), pose).flatten().tolist()) for pose in range(8)}) == 8


@pytest.mark.parametrize("crops", [False, True])
@pytest.mark.parametrize("flips", [False, True])
def test_input_and_target_stay_together(flips, crops):
    for inputs, targets in draws(flips, crops):
        assert inputs.shape == (4, 1, 5, 5)
        torch.testing.assert_close(targets, -inputs, rtol=0, atol=0)


def test_without_crops_and_flips_it_is_the_middle_window():
    x = places()
    middles = {tuple(each.flatten().tolist()) for each in x[:, 0, 1:6, 2:7]}
    seen = {tuple(patch.flatten().tolist()) for inputs, _ in draws(False, False) for patch in inputs}
    assert seen == middles


def test_with_both_every_window_appears_in_every_pose():
    x = places(1, 4, 3)
    windows = {tuple(turned(x[:, :, t : t + 3], pose).flatten().tolist()) for t in (0, 1) for pose in range(8)}
    pictures = [patch for inputs, _ in draws(True, True, size=3, x=x) for patch in inputs]
    assert {tuple(patch.flatten().tolist()) for patch in pictures} == windows


def test_a_batch_depends_on_step_and_seed_alone():
    first, again, other = draws(True, True), draws(True, True), draws(True, True, seed=1)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))
    assert not torch.equal(first[0][0], first[1][0])
    assert not torch.equal(first[0][0], other[0][0])


def test_the_choice_of_pairs_does_not_depend_on_flips_and_crops():
    def pictures(flips, crops):  # 63 places a picture
        return [(inputs[:, 0, 0, 0] // 63).tolist() for inputs, _ in draws(flips, crops)]

    assert pictures(True, True) == pictures(False, False)


FITTING = {"targets": places(), "size": 5, "count": 1, "flips": True, "crops": True, "seed": 0}

test_what_does_not_fit_is_refused = refused(
    ({"size": 8}, "at most the shorter side"),
    ({"targets": places(2)}, "shape of inputs"),
    ({"count": 0}, "count"),
    ({"seed": -1}, "seed"),
    by=lambda change: pair_batches(places(), **(FITTING | change)),
)


def test_there_is_no_ninth_pose():
    with pytest.raises(ValueError, match="from 0 to 7"):
        turned(places(), 8)


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
