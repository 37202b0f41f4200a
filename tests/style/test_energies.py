"""Texture, style and content: against the formulas of the sources in plain torch, and what the statistics forget."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.operators import Operator
from deeprestore_lab.style import PRESETS, content_energy, style_energy, texture_energy, texture_layers

LAYERS = ("relu1_1", "relu2_1", "relu3_1")


@pytest.fixture(scope="module")
def net():
    return backbones.load("vgg_mini", "random", seed=1)


@pytest.fixture(scope="module")
def pictures():
    return torch.cat([images.photograph("coffee", size=40), images.pattern("mosaic", size=40)])


def gram(f: torch.Tensor) -> torch.Tensor:
    """sum_p f_p f_p^T, position by position."""
    return torch.stack([sum(torch.outer(v, v) for v in one.flatten(1).T) for one in f])


@pytest.mark.parametrize("normalisation", ["chw", "hw", "none"])
def test_texture_energy_is_the_sum_of_relative_gram_errors(net, pictures, normalisation):
    example = pictures[1:].roll(3, 3)
    energy = texture_energy(net, example, layers=LAYERS[:2], weights=[2.0, 3.0], normalisation=normalisation)
    expected = 0
    for weight, layer in zip((2.0, 3.0), LAYERS[:2], strict=True):
        ours, theirs = (gram(net.features(x, [layer])[layer].double()) for x in (pictures, example))
        expected = expected + weight * (ours - theirs).square().sum((1, 2)) / theirs.square().sum((1, 2))
    torch.testing.assert_close(energy(pictures).double(), expected, rtol=1e-4, atol=1e-7)


def test_the_normalisation_does_not_matter_for_relative_errors_and_does_for_others(net, pictures):
    def energies(normaliser):
        given = {"layers": LAYERS, "normaliser": normaliser}
        return [texture_energy(net, pictures[1:], normalisation=n, **given)(pictures[:1]) for n in ("chw", "hw")]

    torch.testing.assert_close(*energies("target"), rtol=1e-4, atol=0)
    chw, hw = (
        texture_energy(net, pictures[1:], layers=["relu2_1"], normaliser="none", normalisation=n)(pictures[:1])
        for n in ("chw", "hw")
    )
    torch.testing.assert_close(chw * net.channels["relu2_1"] ** 2, hw, rtol=1e-4, atol=0)


def test_moments_are_means_and_unbiased_deviations(net, pictures):
    energy = texture_energy(net, pictures[1:], layers=["relu2_1"], statistic="moments", normaliser="values")
    ours, theirs = (net.features(x, ["relu2_1"])["relu2_1"].double() for x in (pictures[:1], pictures[1:]))
    mean = (ours.mean((2, 3)) - theirs.mean((2, 3))).square().mean()
    deviation = ((ours.var((2, 3)) + 1e-5).sqrt() - (theirs.var((2, 3)) + 1e-5).sqrt()).square().mean()
    torch.testing.assert_close(energy(pictures[:1]).double()[0], (mean + deviation) / 2, rtol=1e-4, atol=0)


@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_statistics_of_a_texture_forget_where_and_fit_examples_of_another_size(net, statistic):
    """A picture of period 8 has the same statistics wherever it is cut, but for the border; rolled ones are equal."""
    example = images.pattern("mosaic", size=32)
    energy = texture_energy(net, example, layers=["relu1_1"], statistic=statistic)
    mirrored = texture_energy(net, example.flip(2, 3), layers=["relu1_1"], statistic=statistic)
    assert float(energy(example)) == 0
    wide = torch.cat([example, example], 3)
    assert float(energy(wide)) < 0.01 < float(energy(torch.rand(1, 3, 32, 64)))
    assert float(mirrored(example)) > float(energy(example))  # features know directions


def test_content_energy_knows_where(net, pictures):
    energy = content_energy(net, pictures[:1], layer="relu2_1")
    assert float(energy(pictures[:1])) == 0
    target = net.features(pictures[:1], ["relu2_1"])["relu2_1"]
    seen = net.features(pictures[:1].roll(4, 3), ["relu2_1"])["relu2_1"]
    expected = (seen - target).square().sum() / target.square().sum()
    torch.testing.assert_close(energy(pictures[:1].roll(4, 3))[0], expected)


class Deep:
    """A stand-in with the layers that the presets ask for: fixed random convolutions by name."""

    name, weights = "stand-in", "fixed"
    layers = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_3", "relu4_1", "relu4_3", "relu5_1")

    def __init__(self):
        draw = torch.Generator().manual_seed(3)
        self.kernels = {k: torch.randn(4 + i, 3, 3, 3, generator=draw) for i, k in enumerate(self.layers)}
        self.channels = {name: kernel.shape[0] for name, kernel in self.kernels.items()}

    def map(self, x, layer):
        return torch.nn.functional.conv2d(x, self.kernels[layer], padding=1).relu()

    def at(self, layer):
        return Layer(self, layer)


class Layer(Operator):
    """One of its layers."""

    def __init__(self, net: Deep, layer: str):
        self.net, self.layer = net, layer

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.map(x, self.layer)


def test_presets_are_the_losses_of_their_sources(pictures):
    """Each written out: Gatys' code, Johnson's code and equation 4, Huang & Belongie's."""
    net, x, style = Deep(), pictures[:1], pictures[1:]
    first, last = PRESETS["gatys2016"].style_layers, PRESETS["johnson2016"].style_layers
    places = x[0, 0].numel()

    def difference(layer):
        return gram(net.map(x, layer)) - gram(net.map(style, layer))

    gatys = sum(1e3 / net.channels[k] ** 2 * (difference(k) / places).square().mean() for k in first)
    johnson = sum(5 * (difference(k) / (net.channels[k] * places)).square().mean() for k in last)
    tutorial = sum((difference(k) / (net.channels[k] * places)).square().sum() for k in last)
    huang = 0
    for k in first[:4]:
        a, b = net.map(x, k), net.map(style, k)
        huang = huang + 10 * (a.mean((2, 3)) - b.mean((2, 3))).square().mean()
        huang = huang + 10 * ((a.var((2, 3)) + 1e-5).sqrt() - (b.var((2, 3)) + 1e-5).sqrt()).square().mean()
    expected = {"gatys2016": gatys, "johnson2016": johnson, "tutorial": tutorial, "huang2017": huang}
    assert set(expected) == set(PRESETS)
    for name, value in expected.items():
        torch.testing.assert_close(style_energy(net, style, preset=name)(x)[0], value, rtol=1e-4, atol=0)


def test_default_layers_are_the_first_of_each_stage(net):
    assert texture_layers(net)[:3] == LAYERS
    assert all(layer.endswith("_1") and layer in net.layers for layer in texture_layers(net))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ["relu9_9"]}, "relu9_9"),
        ({"layers": "relu1_1"}, "sequence of different"),
        ({"layers": []}, "at least one"),
        ({"layers": ["relu1_1", "relu1_1"]}, "different"),
        ({"layers": LAYERS, "weights": [1.0]}, "one for each of 3"),
        ({"layers": LAYERS, "weights": {"relu1_1": 1.0}}, "name each layer"),
        ({"layers": LAYERS, "weights": -1.0}, "weight"),
        ({"layers": LAYERS, "statistic": "mean"}, "statistic"),
        ({"layers": LAYERS, "normalisation": "n"}, "normalisation"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(net, pictures, change, message):
    with pytest.raises(ValueError, match=message):
        texture_energy(net, pictures[:1], **change)


def test_a_preset_needs_its_layers(net, pictures):
    with pytest.raises(ValueError, match="relu4_1"):
        style_energy(net, pictures[:1], preset="gatys2016")
    with pytest.raises(ValueError, match="preset"):
        style_energy(net, pictures[:1], preset="gatys")
