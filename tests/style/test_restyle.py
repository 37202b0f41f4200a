"""Any style in one pass: statistics go to the style's, content stays, alpha goes between, sizes are kept."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.style import restyle

module = sys.modules[restyle.__module__]

HELD_OUT = images.photographs(("astronaut", "chelsea", "coins"), size=128)
LAYERS = ["relu1_1", "relu2_1", "relu3_1"]


def moments_error(x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """Relative error of channel means and deviations, mean over layers, one value per image."""
    net = load("vgg_mini", "embedded")
    found, wanted = net.features(x, LAYERS), net.features(style, LAYERS)
    gaps = []
    for layer in LAYERS:
        a, b = (torch.cat([each[layer].mean((2, 3)), each[layer].std((2, 3))], 1) for each in (found, wanted))
        gaps.append((a - b).square().sum(1) / b.square().sum(1))
    return torch.stack(gaps).mean(0)


@pytest.mark.parametrize("name", images.PAINTED)
def test_moments_come_near_the_styles_on_pictures_it_never_saw(name):
    style = images.pattern(name, size=128, seed=7)
    assert (moments_error(restyle(HELD_OUT, style), style) < 0.6 * moments_error(HELD_OUT, style)).all()


def test_the_picture_is_still_the_one_it_was():
    styled = torch.cat([restyle(HELD_OUT, images.pattern(name, size=128)) for name in images.PAINTED])
    net = load("vgg_mini", "embedded")
    maps = [torch.nn.functional.instance_norm(net.features(x, ["relu3_1"])["relu3_1"]) for x in (styled, HELD_OUT)]
    likeness = maps[0].flatten(1) @ maps[1].flatten(1).T  # to each of the photographs
    assert (likeness.argmax(1) == torch.arange(3).repeat(len(images.PAINTED))).all()


def test_alpha_goes_from_the_photograph_to_the_style_and_may_differ_by_image():
    style = images.pattern("mosaic", size=128)
    x = HELD_OUT[:1].expand(4, -1, -1, -1)
    found = restyle(x, style, alpha=torch.tensor([0.0, 0.3, 0.6, 1.0]))
    errors = moments_error(found, style)
    assert (errors.diff() < 0).all()
    torch.testing.assert_close(found[:1], restyle(HELD_OUT[:1], HELD_OUT[:1]), rtol=0, atol=1e-3)


def decoded(monkeypatch, x, style, **options):
    """The maps that `restyle` hands to its decoder."""
    maps = []

    class Decoder:
        def to(self, other):
            return self

        def __call__(self, f):
            maps.append(f)
            return torch.zeros(len(f), 3, 2 * f.shape[2], 2 * f.shape[3])

    monkeypatch.setattr(module, "adain_decoder", Decoder)
    restyle(x, style, **options)
    return maps[0]


@pytest.mark.parametrize("match", ["transport", "whitening"])
def test_the_full_covariance_can_be_matched_instead(monkeypatch, match):
    """Of the layer's maps, against NumPy's. Matched moments alone leave it as it was off the diagonal."""
    style = images.pattern("strokes", size=128)
    net = load("vgg_mini", "embedded")
    wanted = np.cov(net.features(style, [module.LAYER])[module.LAYER][0].flatten(1).detach().numpy())
    gaps = []
    for way in (match, "moments"):
        found = np.cov(decoded(monkeypatch, HELD_OUT[:1], style, match=way)[0].flatten(1).numpy())
        gaps.append(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    assert gaps[0] < 0.02 < 0.2 < gaps[1]


def test_sizes_are_kept_and_styles_may_have_others():
    """Odd sides are mirrored to even ones, and what was added is cut off."""
    x, style = HELD_OUT[:2, :, :61, :49], images.pattern("mosaic", size=128)[:, :, :40, :33]
    found = restyle(x, style)
    assert found.shape == x.shape
    whole = torch.nn.functional.pad(x, (0, 1, 0, 1), mode="reflect")
    torch.testing.assert_close(found, restyle(whole, style)[:, :, :61, :49], rtol=0, atol=1e-5)


def test_what_does_not_fit_is_refused():
    x = torch.rand(1, 3, 32, 32)
    with pytest.raises(ValueError, match="both sides of style must be at least 32, got 16 x 32"):
        restyle(x, x[:, :, :16])
    with pytest.raises(ValueError, match="match must be one of 'moments', 'transport', 'whitening'"):
        restyle(x, x, match="gram")
