"""The methods that others are compared with: denoisers in the place of a prior, and what is tried of each."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.course import bench
from deeprestore_lab.course.bench import rivals
from deeprestore_lab.images import gaussian_noise, photograph
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import trained_denoiser

PULL = 40.0  # of a Gaussian prior PULL / 2 ||x||^2, whose proximal step is known


@pytest.fixture(scope="module")
def small():
    return bench.task("noise 25").problem(photograph("camera", size=32, grey=True))


def shrunk(v, sigma):
    """The proximal step of sigma^2 PULL / 2 ||x||^2."""
    return v / (1 + PULL * sigma**2)


@pytest.mark.parametrize(("weight", "level"), [(1.0, None), (0.3, 0.05), (3.0, 0.2)])
def test_plug_and_play_ends_at_the_minimum_where_the_denoiser_is_a_proximal_step(small, weight, level):
    found = rivals._plugged(small, weight, level, denoise=shrunk, steps=300, solver="pnp_admm")
    expected = small.y / small.sigma**2 / (small.sigma**-2 + weight * PULL)
    assert torch.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize(("weight", "level"), [(1.0, None), (0.3, 0.05), (3.0, 0.2)])
def test_red_balances_the_data_and_the_score(small, weight, level):
    found = rivals._red(small, weight, level, denoise=shrunk, steps=300)
    level = rivals.usual_level(small.sigma) if level is None else level
    gradient = (found - small.y) / small.sigma**2
    score = weight * (shrunk(found, level) - found) / level**2
    assert (gradient - score).abs().max() * small.sigma**2 < 2e-3  # in the units of the picture


def test_a_grey_picture_is_denoised_by_the_network_told_the_noise_of_three_equal_channels():
    x = photograph("camera", size=64, grey=True)
    sigma = 20 / 255
    y = x + gaussian_noise(x, sigma=sigma, seed=0)
    own = rivals.grey_denoised(y, sigma)
    told_itself = trained_denoiser()(y.expand(-1, 3, -1, -1), sigma).mean(1, keepdim=True)
    assert own.shape == y.shape
    assert psnr(own, x).item() > psnr(told_itself, x).item() + 1
    assert psnr(own, x).item() > psnr(y, x).item() + 4


@pytest.mark.parametrize("rival", bench.RIVALS, ids=lambda rival: rival.name)
@pytest.mark.parametrize("sigma", [2 / 255, 5 / 255, 10 / 255, 50 / 255])
def test_the_calibrated_setting_is_tried_first_and_every_setting_once(rival, sigma):
    found = rival.settings(sigma)
    assert found[0] == (1.0, max(sigma, 10 / 255) if rival.told else None)
    assert len(set(found)) == len(found) and {weight for weight, _ in found} == set(rival.weights)
    least = sigma / 2 if sigma >= rivals.USUAL else 2 * sigma
    assert all(level >= least for _, level in found if level is not None)
