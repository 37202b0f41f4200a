"""Tracing: lists of layers against networks whose layers are known, and refusal of what no list can say."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from deeprestore_lab.signal.arithmetic.cost import costs
from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.receptive_field import receptive_field
from deeprestore_lab.signal.arithmetic.tracing import trace_layers

IMAGE = torch.zeros(1, 3, 64, 64)


def architecture(name: str) -> nn.Module:
    with torch.device("meta"):
        return getattr(torchvision.models, name)(weights=None).eval()


def test_every_argument_of_a_layer_is_read():
    network = nn.Sequential(
        nn.Conv2d(3, 6, (3, 5), stride=(2, 1), padding=(1, 0), dilation=(2, 1), groups=3, bias=False),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
        nn.ConvTranspose2d(6, 2, 4, stride=2, padding=1, output_padding=1),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * 16 * 31, 5),
    )
    found = trace_layers(network, IMAGE)
    assert found == [
        Layer("0", "convolution", (3, 5), (2, 1), (1, 0), (2, 1), 0, 3, 6, 3, bias=False),
        Layer("1", "pointwise", in_channels=6, out_channels=6),
        Layer("2", "pooling", 3, 2, 1, in_channels=6, out_channels=6, ceil_mode=True),
        Layer("3", "transposed", 4, 2, 1, 1, 1, 6, 2),
        Layer("4", "pooling", 2, 2, in_channels=2, out_channels=2),
        Layer("6", "linear", in_channels=992, out_channels=5),
    ]


def test_same_padding_becomes_a_number():
    (layer,) = trace_layers(nn.Conv2d(3, 1, 5, padding="same", dilation=2), IMAGE)
    assert layer.padding == (4, 4)
    with pytest.raises(ValueError, match="pads more on one side"):
        trace_layers(nn.Conv2d(3, 1, 4, padding="same"), IMAGE)


def test_global_pooling_becomes_pooling_by_the_map():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d((2, 1)))
    assert trace_layers(network, IMAGE)[1].kernel == (31, 62)
    with pytest.raises(ValueError, match="windows of unlike sizes"):
        trace_layers(nn.AdaptiveMaxPool2d(7), IMAGE)


# The totals are those that torchvision states for its weights (num_params), and fc6 alone has 9216 x 4096 + 4096.
@pytest.mark.parametrize(("name", "total"), [("alexnet", 61_100_840), ("vgg16", 138_357_544)])
def test_a_whole_network_can_be_counted(name, total):
    found = costs(trace_layers(architecture(name), torch.zeros(1, 3, 224, 224)), (3, 224, 224))
    assert sum(cost.parameters for cost in found) == total
    assert found[-1].block == (1000, 1, 1)


def test_dropout_before_a_linear_layer_takes_a_flattened_block():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Dropout(), nn.Linear(2 * 62 * 62, 5))
    assert [cost.block for cost in costs(trace_layers(network, IMAGE), (3, 64, 64))][1:] == [(2, 62, 62), (5, 1, 1)]


# Simonyan & Zisserman 2015 and Krizhevsky 2014 have these layers; the fields are those of Araujo et al. 2019, table 1.
@pytest.mark.parametrize(("name", "kernels", "size"), [("alexnet", 8, 195), ("vgg16", 18, 212)])
def test_the_networks_of_the_course(name, kernels, size):
    found = trace_layers(architecture(name).features, torch.zeros(1, 3, 224, 224))
    assert sum(layer.kind in ("convolution", "pooling") for layer in found) == kernels
    assert receptive_field(found).size == (size, size)


def test_the_whole_of_a_network_is_traced_without_its_weights():
    network = architecture("vgg16")
    assert [layer.kind for layer in trace_layers(network, torch.zeros(1, 3, 224, 224))].count("linear") == 3
    assert all(p.is_meta for p in network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_a_layer_that_is_used_twice_is_listed_twice():
    again = nn.Conv2d(3, 3, 3, padding=1)
    assert len(trace_layers(nn.Sequential(again, nn.ReLU(), again), IMAGE)) == 3


class Broken(nn.Module):
    """Two convolutions and something between or behind them that no list of layers can say."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.one, self.two = what, nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        z = self.one(x)
        if self.what == "function":
            z = torch.relu(z)
        elif self.what == "function in place":
            z += 1
        elif self.what == "transposed":
            z = z.mT
        elif self.what == "slice":
            z = z[..., 1:, :]
        if self.what == "branch":
            return self.two(x)
        z = self.two(z)
        return z + x if self.what == "sum" else z


@pytest.mark.parametrize(
    ("what", "place"),
    [(w, "'two' does not take what 'one' gave") for w in ("function", "function in place", "transposed", "slice")]
    + [("branch", "'two' does not take what 'one' gave"), ("sum", "the end of the network does not take")],
)
def test_what_is_between_layers_is_refused_by_its_place(what, place):
    with pytest.raises(ValueError, match=place):
        trace_layers(Broken(what), IMAGE)


def test_the_same_network_without_it_is_traced():
    assert len(trace_layers(Broken("nothing"), IMAGE)) == 2


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "densenet121", "mobilenet_v2"])
def test_networks_with_branches_are_refused(name):
    with pytest.raises(ValueError, match="branch, a sum, a concatenation"):
        trace_layers(architecture(name), torch.zeros(1, 3, 224, 224))


def test_normalisation_by_the_batch_is_refused_in_training_mode():
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))
    with pytest.raises(ValueError, match=r"'1' normalises by the batch"):
        trace_layers(network, IMAGE)
    assert trace_layers(network.eval(), IMAGE)[1].kind == "pointwise"


def test_unknown_layers_are_named():
    with pytest.raises(ValueError, match="'1' is a InstanceNorm2d"):
        trace_layers(nn.Sequential(nn.ReLU(), nn.InstanceNorm2d(3)), IMAGE)


def test_a_layer_with_two_outputs_is_named():
    with pytest.raises(ValueError, match="'0' gives a tuple"):
        trace_layers(nn.Sequential(nn.MaxPool2d(2, return_indices=True)), IMAGE)
