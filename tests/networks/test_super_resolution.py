"""Networks that enlarge four times: they start as bicubic, the shipped ones gain on photographs they never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from deeprestore_lab import images
from deeprestore_lab.core import artifacts
from deeprestore_lab.measures import metrics
from deeprestore_lab.networks import SRCNN, Upsampler, bicubic, super_resolver
from deeprestore_lab.networks.super_resolution import SUPER_RESOLVERS
from deeprestore_lab.operators import Downsample

HELD_OUT = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=128)
SMALL = Downsample(4)(HELD_OUT).clamp(0, 1)


def luma_psnr(x: torch.Tensor) -> torch.Tensor:
    return metrics.psnr(images.luma(x.clamp(0, 1)), images.luma(HELD_OUT), border=4)


def test_bicubic_is_pillows():
    y = SMALL[:1, :1]
    theirs = Image.fromarray(y[0, 0].numpy()).resize((128, 128), Image.Resampling.BICUBIC)
    assert torch.allclose(bicubic(y)[0, 0], torch.from_numpy(np.array(theirs)), atol=2e-5)


def test_bicubic_gives_back_a_constant_and_is_linear():
    y, z = torch.rand(2, 1, 3, 8, 8, dtype=torch.float64)
    assert torch.allclose(bicubic(torch.full((1, 1, 5, 6), 0.3)), torch.full((1, 1, 20, 24), 0.3), atol=1e-6)
    assert torch.allclose(bicubic(2 * y - 3 * z), 2 * bicubic(y) - 3 * bicubic(z), atol=1e-12)


@pytest.mark.parametrize("network", [Upsampler(width=24, blocks=2), SRCNN()], ids=["upsampler", "srcnn"])
def test_an_untrained_net_is_bicubic_and_every_weight_can_learn(network):
    y = torch.rand(1, 3, 8, 12)
    assert torch.equal(network(y), bicubic(y))
    torch.nn.init.normal_((network.last if isinstance(network, Upsampler) else network.layers[-1]).weight)
    network(y).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_srcnn_has_the_published_size_and_leaves_colours_alone():
    network = SRCNN()
    assert (
        sum(w.numel() for name, w in network.named_parameters() if "weight" in name) == 9 * 9 * 64 + 64 * 32 + 25 * 32
    )
    torch.nn.init.normal_(network.layers[-1].weight)
    added = network(SMALL) - bicubic(SMALL)
    assert added.abs().max() > 0.01 and torch.allclose(added, added[:, :1].expand_as(added), atol=1e-5)


def test_what_is_added_to_a_flat_picture_is_flat_up_to_the_border():
    """Borders repeat the outermost pixel, and there is no transposed convolution: no frame, no checkerboard."""
    network = Upsampler(width=9, blocks=1)
    torch.nn.init.normal_(network.last.weight)
    out = network(torch.full((1, 3, 8, 8), 0.4))
    assert (out.amax((2, 3)) - out.amin((2, 3))).max() < 1e-5


def test_seeds_repeat_and_settings_that_make_no_net_are_refused():
    a, b, c = (Upsampler(width=9, blocks=1, seed=seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
    with pytest.raises(ValueError, match="width"):
        Upsampler(width=2)
    with pytest.raises(ValueError, match="3"):
        Upsampler()(torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize("trained_by", ["pixel", "srcnn"])
@torch.no_grad()
def test_a_net_of_the_pixel_loss_gains_on_every_photograph_it_never_saw(trained_by):
    assert (luma_psnr(super_resolver(trained_by)(SMALL)) - luma_psnr(bicubic(SMALL)) > 0.1).all()


@torch.no_grad()
def test_the_net_of_the_pixel_loss_has_more_psnr_than_that_of_the_feature_loss():
    ahead = luma_psnr(super_resolver("pixel")(SMALL)) - luma_psnr(super_resolver("feature")(SMALL))
    assert ahead.mean() > 0.2


@pytest.mark.parametrize("trained_by", SUPER_RESOLVERS)
@torch.no_grad()
def test_colours_stay_and_there_is_no_checkerboard(trained_by):
    """Made smaller again, the answer is the small picture; its energy at the stride's frequencies is not raised."""
    x = super_resolver(trained_by)(SMALL)
    assert metrics.psnr(Downsample(4)(x), SMALL).min() > 30
    assert (x.mean((2, 3)) - SMALL.mean((2, 3))).abs().max() < 0.01
    phases = torch.stack([x[:, :, a::2, b::2].mean((2, 3)) for a in (0, 1) for b in (0, 1)])
    assert phases.std(0).max() < 0.003


def test_the_card_says_what_was_learnt_from_and_nothing_held_out_is_among_it():
    data = artifacts.card("super_resolution", kind="weights").data
    assert "china" in data and not any(name in data for name in images.HELD_OUT_PHOTOGRAPHS)


def test_gradients_reach_the_image_and_not_the_weights():
    y = torch.rand(1, 3, 8, 8, requires_grad=True)
    network = super_resolver("feature")
    network(y).sum().backward()
    assert y.grad.abs().sum() > 0 and all(weight.grad is None for weight in network.parameters())


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="trained_by must be one of " + ", ".join(map(repr, SUPER_RESOLVERS))):
        super_resolver("gan")
