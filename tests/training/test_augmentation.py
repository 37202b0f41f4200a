"""Batches of pairs: poses against NumPy, windows by pictures whose values are their places."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.training.augmentation import pair_batches, turned


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 8}, "at most the shorter side"),
        ({"targets": places(2)}, "shape of inputs"),
        ({"count": 0}, "count"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    settings = {"targets": places(), "size": 5, "count": 1, "flips": True, "crops": True, "seed": 0} | change
    with pytest.raises(ValueError, match=words):
        pair_batches(places(), settings.pop("targets"), **settings)


def test_there_is_no_ninth_pose():
    with pytest.raises(ValueError, match="from 0 to 7"):
        turned(places(), 8)
