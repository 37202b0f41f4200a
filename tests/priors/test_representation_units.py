"""The weight of a prior beside a representation error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.measures.feature_noise import feature_noise, layer_noise
from deeprestore_lab.priors import DenoiserScore, FieldOfExperts, TotalVariation, calibrated_for, representation_weight

SIZE = 48


@pytest.fixture(scope="module")
def natural() -> torch.Tensor:
    return images.photographs(["china", "flower", "coffee", "rocket"], size=SIZE)


def test_noise_of_a_layer_is_a_ratio_of_sums():
    """Of one picture it is that of `feature_noise`; of two that differ in brightness it is nearer to the bright one."""
    x = torch.cat([torch.full((1, 1, 64, 64), own) for own in (0.1, 0.8)])
    dark, bright = feature_noise(lambda x: x, x, sigma=0.02).tolist()
    assert layer_noise(lambda x: x, x[1:], sigma=0.02) == pytest.approx((0.02 / 0.8) ** 2, rel=0.05)
    assert layer_noise(lambda x: x, x, sigma=0.02) == pytest.approx(0.02**2 / ((0.1**2 + 0.8**2) / 2), rel=0.05)
    assert bright < layer_noise(lambda x: x, x, sigma=0.02) < (dark + bright) / 2


@pytest.mark.parametrize("prior", [TotalVariation(), FieldOfExperts.trained()], ids=["variation", "experts"])
def test_a_natural_picture_costs_the_weight_whatever_the_unit_of_the_prior(natural, prior):
    phi = backbones.load("vgg_mini", "embedded").at("relu2_2")
    weight = representation_weight(layer_noise(phi, natural))
    for own in (prior, 17 * prior):
        assert float(calibrated_for(own, phi, natural)(natural).mean()) == pytest.approx(weight, rel=1e-4)
    assert torch.equal(prior.calibrated_for(phi, natural)(natural), calibrated_for(prior, phi, natural)(natural))


def test_the_weight_is_the_power_law_of_the_record():
    own = load_record("preimage_networks")["law"]
    assert representation_weight(0.01) == pytest.approx(own["coefficient"])
    assert representation_weight(0.02) / representation_weight(0.01) == pytest.approx(2 ** own["exponent"])


@pytest.mark.parametrize("layer", ["relu2_2", "relu3_3"])
def test_at_vgg_mini_the_weight_loses_at_most_half_a_decibel(natural, layer):
    """Measured: searches of 300 steps on three photographs, at four weights, by chapter 18's record."""
    phi = backbones.load("vgg_mini", "embedded").at(layer)
    record = load_record("preimage_priors")
    weight = representation_weight(layer_noise(phi, natural))
    tried = np.log10(record["long_settings"]["weights"][layer])
    assert tried[0] < np.log10(weight) < tried[-1]
    for name in ("total variation", "field of experts"):
        psnr = np.mean(record["long"][layer][name]["tuning"], axis=1)
        assert psnr.max() - np.interp(np.log10(weight), tried, psnr) <= 0.5


def test_what_does_not_fit_is_named(natural):
    with pytest.raises(ValueError, match="energy"):
        calibrated_for(lambda x: x, lambda x: x, natural)
    with pytest.raises(ValueError, match="zero"):
        TotalVariation().calibrated_for(lambda x: 0 * x, natural)
    with pytest.raises(ValueError, match="above 0"):
        TotalVariation().calibrated_for(lambda x: x, torch.full((4, 3, 8, 8), 0.5))
    with pytest.raises(ValueError, match="four photographs or more"):
        TotalVariation().calibrated_for(lambda x: x, natural[:3])
    with pytest.raises(ValueError, match="denoiser has a score and no value"):
        DenoiserScore(lambda x: x, sigma=0.1).calibrated_for(lambda x: x, natural)
    with pytest.raises(ValueError, match="noise"):
        representation_weight(0.0)
