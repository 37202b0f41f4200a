"""Any style in one pass: statistics go to the style's, content stays, alpha goes between, sizes are kept."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.style import restyle

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


def test_the_full_covariance_can_be_matched_instead():
    style = images.pattern("strokes", size=128)
    found = [restyle(HELD_OUT, style, match=match) for match in ("moments", "transport", "whitening")]
    assert (found[0] - found[1]).abs().mean() > 0.01 and (found[1] - found[2]).abs().mean() > 0.01


def test_sizes_are_kept_and_styles_may_have_others():
    x = torch.rand(2, 3, 37, 50)
    assert restyle(x, torch.rand(1, 3, 40, 33)).shape == x.shape


def test_what_does_not_fit_is_refused():
    x = torch.rand(1, 3, 32, 32)
    with pytest.raises(ValueError, match="both sides of style must be at least 32, got 16 x 32"):
        restyle(x, x[:, :, :16])
    with pytest.raises(ValueError, match="match must be one of 'moments', 'transport', 'whitening'"):
        restyle(x, x, match="gram")
