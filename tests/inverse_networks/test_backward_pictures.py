"""Signals sent back by three rules, against autograd and a rule written out for one ReLU."""

from __future__ import annotations

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


def test_wrong_rules_and_layers_are_refused():
    net, x = load("vgg_mini", "random", seed=0), torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="rule"):
        backward_picture(net, "relu1_1", x, rule="deconvnet")
    with pytest.raises(ValueError, match="no layer"):
        backward_picture(net, "relu9_9", x)
