"""Synthesis and transfer: what is minimised, batches of settings against single runs, what is refused."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.style import colour_noise, content_energy, style_energy, synthesise, texture_energy, transfer

LAYERS = ("relu1_1", "relu2_1")


@pytest.fixture(scope="module")
def net():
    return backbones.load("vgg_mini", "random", seed=1)


@pytest.fixture(scope="module")
def content():
    return images.photograph("coffee", size=32)


@pytest.fixture(scope="module")
def style():
    return images.pattern("mosaic", size=48)


def test_the_trace_holds_the_three_weighted_terms(net, content, style):
    given = {"content_weight": 2.0, "style_weight": 3.0, "tv_weight": 0.5}
    trace = transfer(
        content, style, net=net, content_layer="relu2_1", style_layers=LAYERS, steps=5, progress=False, **given
    )
    terms = 3.0 * texture_energy(net, style, layers=LAYERS)(trace.x)
    terms = terms + 2.0 * content_energy(net, content, layer="relu2_1")(trace.x)
    terms = terms + 0.5 * TotalVariation(smoothing=0.01)(trace.x) / content[0].numel()
    torch.testing.assert_close(trace.energy[-1], terms, rtol=1e-4, atol=0)
    assert float(trace.energy[-1]) < 0.5 * float(trace.energy[0])


def test_a_batch_of_weights_is_as_single_runs(net, content, style):
    weights = torch.tensor([0.1, 1.0, 10.0])

    def run(weight):
        return transfer(
            content, style, net=net, content_layer="relu2_1", style_layers=LAYERS, style_weight=weight, steps=4
        ).x

    single = torch.cat([run(float(weight)) for weight in weights])
    torch.testing.assert_close(run(weights), single, atol=2e-3, rtol=0)
    assert float((single[0] - single[2]).abs().max()) > 0.05  # weights do something


def test_a_synthesis_comes_near_the_statistics_of_its_example(net, style):
    trace = synthesise(style, net=net, layers=LAYERS, size=40, steps=25, progress=False)
    assert trace.x.shape == (1, 3, 40, 40)
    assert float(trace.energy[-1]) < 0.02 * float(trace.energy[0])
    assert 0 <= float(trace.x.min()) <= float(trace.x.max()) <= 1
    again = synthesise(style, net=net, layers=LAYERS, size=40, steps=25, progress=False)
    assert torch.equal(trace.x, again.x)


def test_noise_has_the_colours_of_the_example(style):
    noise = colour_noise(style, size=(40, 56), seed=4)
    assert noise.shape == (1, 3, 40, 56)
    for a, b in ((noise, style),):
        torch.testing.assert_close(a.mean((2, 3)), b.mean((2, 3)), atol=1e-5, rtol=0)
        covariances = [torch.cov(x[0].flatten(1), correction=0) for x in (a, b)]
        torch.testing.assert_close(*covariances, atol=1e-5, rtol=1e-3)


def test_noise_of_a_grey_picture_is_grey():
    noise = colour_noise(images.photograph("gravel", size=32))
    torch.testing.assert_close(noise[:, :1].expand(-1, 3, -1, -1), noise, atol=1e-3, rtol=0)


def test_presets_are_used_with_their_weights(content, style):
    net = backbones.load("vgg16", "random", seed=0)
    trace = transfer(content, style, net=net, preset="johnson2016", style_weight=1.0, steps=0)
    expected = style_energy(net, style, preset="johnson2016")(content)
    torch.testing.assert_close(trace.energy[0], expected)  # at the content itself its own term is zero


def test_lengths_that_do_not_agree_are_refused(net, content, style):
    with pytest.raises(ValueError, match="style_weight"):
        transfer(content, style, net=net, content_weight=torch.ones(3), style_weight=torch.ones(2))


def test_one_content_takes_two_styles_each_as_alone(net, content, style):
    styles = torch.cat([style, style.flip(1)])

    def run(each):
        return transfer(content, each, net=net, content_layer="relu2_1", style_layers=LAYERS, steps=3).x

    both = run(styles)
    torch.testing.assert_close(both, torch.cat([run(styles[:1]), run(styles[1:])]), atol=2e-3, rtol=0)
    assert float((both[0] - both[1]).abs().max()) > 0.05
    with pytest.raises(ValueError, match="style has 2 entries where 3 or 1 is expected"):
        transfer(content, styles, net=net, style_weight=torch.ones(3))


def test_a_synthesis_takes_several_weights_of_total_variation(net, style):
    weights = torch.tensor([0.0, 10.0])
    x = synthesise(style, net=net, layers=LAYERS, size=40, tv_weight=weights, steps=8, progress=False).x
    rough, smooth = TotalVariation()(x).tolist()
    assert smooth < 0.7 * rough
    alone = synthesise(style, net=net, layers=LAYERS, size=40, tv_weight=10.0, steps=8, progress=False).x
    torch.testing.assert_close(x[1:], alone, atol=2e-3, rtol=0)
    with pytest.raises(ValueError, match="tv_weight must be a finite number of at least 0"):
        synthesise(style, net=net, layers=LAYERS, tv_weight=-1.0)
