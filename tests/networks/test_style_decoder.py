"""The decoder of AdaIN: it inverts its layer on photographs it never saw, and refuses what does not fit."""

from __future__ import annotations

import hashlib

import pytest
import torch
from torch.nn.functional import avg_pool2d

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core import artifacts
from deeprestore_lab.networks import StyleDecoder, adain_decoder
from deeprestore_lab.networks.style_decoder import LAYER


@torch.no_grad()
def test_unchanged_maps_of_photographs_it_never_saw_come_back_as_pictures_of_them():
    x = images.photographs(("astronaut", "chelsea", "coins", "camera"), size=128)
    f = load("vgg_mini", "embedded").features(x, [LAYER])[LAYER]
    back = adain_decoder()(f).clamp(0, 1)
    grey = [avg_pool2d(images.to_grey(each), 2).flatten(1) for each in (back, x)]
    grey = [each - each.mean(1, keepdim=True) for each in grey]
    likeness = (grey[0] / grey[0].norm(dim=1, keepdim=True)) @ (grey[1] / grey[1].norm(dim=1, keepdim=True)).T
    assert (likeness.diagonal() > 0.85).all()  # correlation with its own photograph; with the others:
    assert (likeness - torch.diag(likeness.diagonal())).abs().max() < 0.3


def test_it_was_trained_for_the_encoder_that_is_shipped():
    data = artifacts.card("adain_decoder", kind="weights").data
    net = load("vgg_mini", "embedded")
    weights = net.module[: net.layers.index(LAYER) + 1].state_dict()
    raw = b"".join(tensor.half().numpy().tobytes() for tensor in weights.values())
    assert hashlib.sha256(raw).hexdigest()[:12] in data
    assert not any(name in data for name in images.HELD_OUT_PHOTOGRAPHS)


@pytest.mark.parametrize("depths", [(1, 1, 1), (3, 2, 2)])
def test_each_further_width_doubles_the_sides(depths):
    decoder = StyleDecoder(widths=(6, 5, 4), depths=depths)
    assert decoder(torch.rand(2, 6, 3, 4)).shape == (2, 3, 12, 16)
    convolutions = [layer for layer in decoder.layers if isinstance(layer, torch.nn.Conv2d)]
    assert len(convolutions) == sum(depths)


def test_the_last_convolution_is_linear_so_that_nothing_is_cut_off():
    x = StyleDecoder(widths=(4, 4), depths=(1, 1))(100 * torch.randn(1, 4, 8, 8))
    assert x.min() < 0 and x.max() > 1


def test_a_seed_repeats_the_start_and_leaves_torchs_generator():
    state = torch.get_rng_state()
    weights = [StyleDecoder(seed=seed).layers[0].weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert torch.equal(state, torch.get_rng_state())


def test_maps_and_settings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="channels"):
        StyleDecoder()(torch.rand(1, 128, 8, 8))
    with pytest.raises(ValueError, match="depths must be as many as widths"):
        StyleDecoder(depths=(1, 1, 1))
    with pytest.raises(ValueError, match="a depth"):
        StyleDecoder(depths=(0, 1))
