"""The card of a prior: its numbers are the prior's own, its patches the extreme ones."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.course.figures import extreme_patches, prior_card, prior_spread
from deeprestore_lab.energies import Energy


class Brightness(Energy):
    """The sum of all values: bright images are improbable."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).sum(1)


class Variation(Energy):
    """Squared differences along rows, so that shuffling changes the value."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return x.diff(dim=-1).square().flatten(1).sum(1)


def ramps() -> torch.Tensor:
    return torch.linspace(0, 1, 32).expand(2, 3, 32, 32).contiguous()


def test_spread_is_per_value_and_shuffling_keeps_the_values():
    spread = prior_spread(Brightness(), ramps(), sigma=0.1, seed=0)
    assert torch.allclose(spread["natural"], ramps().flatten(1).mean(1))
    assert torch.allclose(spread["shuffled"], spread["natural"])
    standard_error = 0.1 / (3 * 32 * 32) ** 0.5
    assert ((spread["noisy"] - spread["natural"]).abs() < 4 * standard_error).all()


def test_noise_and_shuffling_cost_a_smoothness_prior():
    spread = prior_spread(Variation(), ramps(), sigma=0.1, seed=0)
    # E of the squared difference of two independent noises is 2 sigma^2, on 31 of 32 columns.
    added = spread["noisy"] - spread["natural"]
    assert torch.allclose(added, torch.full((2,), 2 * 0.1**2 * 31 / 32), rtol=0.1)
    assert (spread["shuffled"] > spread["noisy"]).all()


def test_the_same_seed_gives_the_same_card():
    first, second, other = (prior_card(Variation(), ramps(), sigma=0.1, seed=s, count=2).html for s in (0, 0, 1))
    assert first == second != other


def test_extreme_patches_are_the_darkest_and_the_brightest():
    x = torch.arange(16.0).reshape(1, 1, 4, 4).repeat_interleave(8, -1).repeat_interleave(8, -2) / 15
    most, least = extreme_patches(Brightness(), x, size=8, count=3)
    assert torch.allclose(most.mean((1, 2, 3)), torch.tensor([0.0, 1, 2]) / 15)
    assert torch.allclose(least.mean((1, 2, 3)), torch.tensor([15.0, 14, 13]) / 15)


def test_card_has_words_for_every_picture():
    html = prior_card(Variation(), ramps(), sigma=0.1, count=2).html
    assert html.count("<img") == html.count('alt="') == 5
    assert "<figcaption>Variation as a prior, on 2 photographs: " in html and 'alt="Variation, value per pixel' in html
    assert "Most probable patches, number 1" in html


def test_too_few_patches_are_refused():
    with pytest.raises(ValueError, match="fewer than 2 x 6"):
        extreme_patches(Variation(), torch.zeros(1, 1, 32, 32))
