"""Signals sent back by three rules, against autograd and a rule written out for one ReLU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from deeprestore_lab.backbones import Backbone, load
from deeprestore_lab.backbones.stages import Stage
from deeprestore_lab.inverse_networks import backward_picture


def test_the_plain_rule_is_the_gradient():
    net = load("vgg_mini", "random", seed=0)
    x = torch.rand(2, 3, 16, 16, requires_grad=True)
    value = net.at("relu2_2")(x).flatten(1).amax(1).sum()
    (wanted,) = torch.autograd.grad(value, x)
    assert torch.allclose(backward_picture(net, "relu2_2", x, rule="gradient"), wanted, atol=1e-6)


@pytest.mark.parametrize("rule", ["gradient", "deconvolution", "guided"])
def test_the_rules_at_one_relu(rule):
    """1 x 1 layers W2 relu(W1 x): what goes back is W1^T of the signal under each rule."""
    draw = torch.Generator().manual_seed(0)
    first, second = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 2, 1)
    for layer in (first, second):
        nn.init.normal_(layer.weight, generator=draw)
    stages = [Stage("conv1", first), Stage("relu1", nn.ReLU()), Stage("conv2", second)]
    net = Backbone("small", stages, weights="drawn", colour=((0.0,) * 3, (1.0,) * 3))
    x = torch.rand(1, 3, 1, 1, generator=draw)
    found = backward_picture(net, "conv2", x, rule=rule, score=lambda f: f[:, 0].sum()).flatten()
    z = (first.weight[..., 0, 0] @ x.flatten()) + first.bias
    s = second.weight[0, :, 0, 0]
    sent = {"gradient": s * (z > 0), "deconvolution": s.clamp_min(0), "guided": s.clamp_min(0) * (z > 0)}[rule]
    assert torch.allclose(found, first.weight[..., 0, 0].T @ sent, atol=1e-6)


@pytest.mark.parametrize("rule", ["gradient", "deconvolution", "guided"])
def test_two_relus_and_a_pooling_by_hand(rule):
    """Image, 1 x 1, ReLU, 2 x 2 maximum, 1 x 1, ReLU, in NumPy with loops: the signal back to each pixel."""
    draw = np.random.default_rng(3)
    w1, b1, w2, b2 = draw.normal(size=(4, 3)), draw.normal(size=4) / 4, draw.normal(size=(5, 4)), draw.normal(size=5)
    layers = [nn.Conv2d(3, 4, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 1), nn.ReLU()]
    for layer, (w, b) in zip([layers[0], layers[3]], [(w1, b1), (w2, b2)], strict=True):
        layer.weight.data = torch.tensor(w)[..., None, None]
        layer.bias.data = torch.tensor(b)
    names = ("conv1", "relu1", "pool1", "conv2", "relu2")
    net = Backbone("small", list(map(Stage, names, layers)), weights="drawn", colour=((0.0,) * 3, (1.0,) * 3))
    x, sent = draw.random((3, 4, 4)), draw.normal(size=(5, 2, 2))

    def relu_back(s, z):
        s = s if rule == "deconvolution" else s * (z > 0)
        return s if rule == "gradient" else np.maximum(s, 0)

    z1, wanted = np.einsum("ij,jhw->ihw", w1, x) + b1[:, None, None], np.zeros((3, 4, 4))
    for row, column in np.ndindex(2, 2):
        window = np.maximum(z1, 0)[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(4, 4)
        s = w2.T @ relu_back(sent[:, row, column], w2 @ window.max(1) + b2)
        for channel, (down, along) in enumerate(zip(*np.divmod(window.argmax(1), 2), strict=True)):
            at = 2 * row + down, 2 * column + along
            wanted[:, *at] += w1[channel] * relu_back(s[channel], z1[channel, *at])
    found = backward_picture(
        net, "relu2", torch.tensor(x)[None], rule=rule, score=lambda f: (f[0] * torch.tensor(sent)).sum()
    )
    assert np.allclose(found[0].numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize(("network", "layer"), [("squeezenet1_1", "fire3"), ("googlenet", "inception_3a")])
def test_relus_inside_modules_have_the_rule_too(network, layer):
    """A signal against the ReLUs of the last module passes none of them, and gradients are those of autograd."""
    net, x = load(network, "random", seed=0), torch.rand(1, 3, 48, 48)

    def sent(rule, sign=1.0):
        return backward_picture(net, layer, x, rule=rule, score=lambda f: sign * f.sum())

    own = x.clone().requires_grad_(True)
    (wanted,) = torch.autograd.grad(net.at(layer)(own).sum(), own)
    assert torch.allclose(sent("gradient"), wanted, atol=1e-5 * float(wanted.abs().max()))
    for rule in ("deconvolution", "guided"):
        assert bool(sent(rule).any()) and not sent(rule, -1.0).any()


def test_wrong_rules_and_layers_are_refused():
    net, x = load("vgg_mini", "random", seed=0), torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="rule"):
        backward_picture(net, "relu1_1", x, rule="deconvnet")
    with pytest.raises(ValueError, match="no layer"):
        backward_picture(net, "relu9_9", x)
    with pytest.raises(ValueError, match="score"):
        backward_picture(net, "relu1_1", x, score=lambda f: f)
