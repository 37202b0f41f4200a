"""The four kinds of damage: what each does on average, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.images.corruptions import CORRUPTIONS, corrupt

GREY = torch.full((4, 3, 64, 64), 0.4)


@pytest.mark.parametrize(("kind", "variance"), [("gaussian", (25 / 255) ** 2), ("poisson", 0.4 / 30)])
def test_noise_has_its_mean_and_variance(kind, variance):
    noise = corrupt(GREY, kind, seed=0) - GREY
    count = noise.numel()
    assert abs(float(noise.mean())) < 5 * (variance / count) ** 0.5
    assert float(noise.var()) == pytest.approx(variance, rel=5 * (2 / count) ** 0.5 * 1.2)


def test_poisson_noise_grows_with_the_brightness_and_gaussian_noise_does_not():
    bright = torch.full_like(GREY, 0.8)
    ratio = {
        kind: float((corrupt(bright, kind, seed=1) - bright).var() / (corrupt(GREY, kind, seed=2) - GREY).var())
        for kind in ("gaussian", "poisson")
    }
    assert ratio["gaussian"] == pytest.approx(1, abs=0.05) and ratio["poisson"] == pytest.approx(2, abs=0.1)


def test_salt_and_pepper_hits_the_share_it_says_in_all_channels_at_once():
    y = corrupt(GREY, "salt_and_pepper", seed=0)
    hit = (y != GREY).float()
    assert float(hit.mean()) == pytest.approx(0.1, abs=5 * (0.09 / (4 * 64 * 64)) ** 0.5)
    assert set(y[hit > 0].tolist()) == {0.0, 1.0} and torch.equal(hit, hit[:, :1].expand_as(hit))


def test_blocks_cover_at_most_their_share_with_black():
    y = corrupt(GREY, "blocks", seed=0)
    lost = (y == 0).float().mean((1, 2, 3))
    assert (lost <= 0.1 + 1e-3).all() and (lost > 0.07).all() and set(y.unique().tolist()) == {0.0, 0.4000000059604645}


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_the_seed_and_the_level_decide(kind):
    assert torch.equal(corrupt(GREY, kind, seed=5), corrupt(GREY, kind, seed=5))
    assert not torch.equal(corrupt(GREY, kind, seed=5), corrupt(GREY, kind, seed=6))
    level = CORRUPTIONS[kind].level
    assert torch.equal(corrupt(GREY, kind, seed=5), corrupt(GREY, kind, seed=5, level=level))
    worse = level / 4 if kind == "poisson" else level * 2
    error = [(corrupt(GREY, kind, seed=5, level=each) - GREY).square().mean() for each in (level, worse)]
    assert error[1] > 1.5 * error[0]


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind must be one of 'gaussian', 'poisson', 'blocks', 'salt_and_pepper'"):
        corrupt(GREY, "speckle", seed=0)
    with pytest.raises(ValueError, match="level must be"):
        corrupt(GREY, "gaussian", seed=0, level=-1)
