"""Learning a field on maps: a Gaussian whose loss is known, and what groups cannot see."""

import pytest
import torch

from deeprestore_lab.priors.map_field import GAUSSIAN, MapField
from deeprestore_lab.training.score_matching import fit_map_field, map_denoising_loss

DRAW = torch.Generator().manual_seed(5)
ONE = torch.randn(60, 1, 10, 10, generator=DRAW)
TWINS = ONE.repeat(1, 2, 1, 1)  # two channels that are equal


def test_the_loss_of_the_true_energy_is_the_known_one():
    sigma = 0.5  # of values of variance 1: -log p is z^2 / (2 (1 + sigma^2)), the loss 1/2 (1 - s^2 / (1 + s^2))
    field = MapField(torch.ones(1, 1, 1, 1), torch.tensor([1 / (1 + sigma**2)]), expert=GAUSSIAN)
    assert map_denoising_loss(field, ONE, sigma=sigma) == pytest.approx(0.5 - 0.5 * sigma**2 / (1 + sigma**2), abs=0.02)


def test_one_group_sees_that_two_channels_are_one_and_two_groups_do_not():
    losses = {}
    for groups in (1, 2):
        field = fit_map_field(TWINS, count=8, groups=groups, sigma=0.5, steps=200, expert=GAUSSIAN, size=2)
        losses[groups] = map_denoising_loss(field, TWINS, sigma=0.5, seed=1)
    # a coordinate of variance v has 1/2 (1 - s^2 / (v + s^2)): v = 1 for each channel; 2 for their sum, 0 for the rest
    assert losses[2] == pytest.approx(0.5 * (1 - 0.25 / 1.25), abs=0.04)
    assert losses[1] == pytest.approx(0.5 * (0.5 * (1 - 0.25 / 2.25) + 0.5 * 0.0), abs=0.04)


@pytest.mark.parametrize(
    "settings", [{"count": 0}, {"count": 3, "groups": 2}, {"count": 2, "sigma": 0.0}, {"count": 2, "size": 5}]
)
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(ValueError, match="count|groups|sigma|maps"):
        fit_map_field(TWINS, **settings)
