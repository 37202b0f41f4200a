"""The feed-forward style net: it loads, paints photographs it never saw in its style, and keeps what they show."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core import artifacts
from deeprestore_lab.networks import FeedForwardStyle, style_net
from deeprestore_lab.networks.feed_forward_style import STYLE
from deeprestore_lab.operators import Gram

HELD_OUT = images.photographs(("astronaut", "chelsea", "coins"), size=192)


def style_error(x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """Relative error of the Gram matrices, mean over three layers, one value per image."""
    layers, net = ["relu1_2", "relu2_2", "relu3_3"], load("vgg_mini", "embedded")
    found, wanted = net.features(x, layers), net.features(style, layers)
    gaps = [
        (Gram()(found[k]) - Gram()(wanted[k])).square().sum((1, 2)) / Gram()(wanted[k]).square().sum() for k in layers
    ]
    return torch.stack(gaps).mean(0)


@torch.no_grad()
def test_photographs_it_never_saw_get_the_statistics_of_its_style_and_of_no_other():
    painted = style_net()(HELD_OUT)
    own = images.pattern(STYLE["name"], size=STYLE["size"], seed=STYLE["seed"] + 1)  # another picture of the style
    other = images.pattern(next(name for name in images.PAINTED if name != STYLE["name"]), size=STYLE["size"])
    before, after = style_error(HELD_OUT, own), style_error(painted, own)
    assert (after < 0.3 * before).all()
    assert (after < 0.5 * style_error(painted, other)).all()


@torch.no_grad()
def test_what_the_photograph_shows_is_still_there():
    """Seen from afar, light and dark stand where they stood: each painting is nearest to its own photograph."""
    grey = [avg_pool2d(images.to_grey(x), 12).flatten(1) for x in (style_net()(HELD_OUT), HELD_OUT)]
    grey = [(x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True) for x in grey]
    correlation = grey[0] @ grey[1].T / grey[0].shape[1]
    assert (correlation.argmax(1) == torch.arange(len(HELD_OUT))).all()
    assert (correlation.diagonal() > 0.25).all()


def test_the_card_names_the_data_and_nothing_held_out_is_among_it():
    data = artifacts.card("feed_forward_style", kind="weights").data
    assert "china" in data and not any(name in data for name in images.HELD_OUT_PHOTOGRAPHS)
    assert STYLE["name"] in data


def test_the_file_is_small():
    assert sum(p.numel() for p in style_net().parameters()) * 2 < 700_000  # bytes in float16


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (40, 19)])
def test_every_size_comes_out_as_it_came_in(size):
    out = FeedForwardStyle(width=2, blocks=1)(torch.rand(1, 3, *size))
    assert out.shape == (1, 3, *size) and out.min() >= 0 and out.max() <= 1


def test_an_image_alone_is_as_in_a_batch():
    x, network = torch.rand(3, 3, 32, 32), FeedForwardStyle(width=4, blocks=2)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-5)


def test_contrast_and_brightness_of_the_picture_are_taken_away():
    """Instance normalisation: a x + b gives what x gives, but for eps; the mirrored picture does not."""
    network = FeedForwardStyle(width=4, blocks=1).double()
    x = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(network(0.5 * x + 0.2), network(x), rtol=0, atol=0.01)
        assert (network(x.flip(3)) - network(x)).abs().max() > 0.02


def test_a_seed_repeats_the_start_and_leaves_torchs_generator():
    state = torch.get_rng_state()
    weights = [FeedForwardStyle(width=2, blocks=1, seed=seed).last.weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert torch.equal(state, torch.get_rng_state())


def test_small_images_and_other_settings_are_refused():
    with pytest.raises(ValueError, match="at least 16, got 15 x 32"):
        FeedForwardStyle(width=2)(torch.rand(1, 3, 15, 32))
    with pytest.raises(ValueError, match="x must have 3 channels"):
        FeedForwardStyle(width=2)(torch.rand(1, 1, 32, 32))
    with pytest.raises(ValueError, match="blocks"):
        FeedForwardStyle(blocks=-1)
