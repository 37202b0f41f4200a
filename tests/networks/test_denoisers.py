"""The shipped denoisers: they load, beat what came in on photographs they never saw, and refuse other names."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab import images
from deeprestore_lab.core import artifacts
from deeprestore_lab.images.corruptions import CORRUPTIONS, corrupt
from deeprestore_lab.measures import metrics
from deeprestore_lab.networks import denoiser
from deeprestore_lab.networks.denoisers import DENOISERS

HELD_OUT = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=128)


@torch.no_grad()
def gain(trained_on: str, kind: str) -> torch.Tensor:
    y = corrupt(HELD_OUT, kind, seed=100)
    return metrics.psnr(denoiser(trained_on)(y), HELD_OUT) - metrics.psnr(y, HELD_OUT)


# The last photograph is a night sky: black blocks hardly damage it, and few photons make little noise.
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_gains_on_every_photograph_it_never_saw(kind):
    gained = gain(kind, kind)
    assert (gained[:-1] > 5).all() and gained[-1] > 0.5


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_is_better_at_its_own_damage_than_the_one_trained_on_clean_pairs(kind):
    ahead = gain(kind, kind) - gain("clean", kind)
    assert (ahead[:-1] > 3).all() and ahead[-1] > 0.3


def test_the_card_says_what_was_learnt_from_and_nothing_held_out_is_among_it():
    data = artifacts.card("denoisers", kind="weights").data
    assert "china" in data and not any(name in data for name in images.HELD_OUT_PHOTOGRAPHS)


def test_gradients_reach_the_image_and_not_the_weights():
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    network = denoiser("gaussian")
    network(x).sum().backward()
    assert x.grad.abs().sum() > 0 and all(parameter.grad is None for parameter in network.parameters())


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="trained_on must be one of " + ", ".join(map(repr, DENOISERS))):
        denoiser("speckle")
