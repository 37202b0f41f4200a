"""Output sizes and blocks against what torch's layers return."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch_layers import as_module, drawn_layers, pairs

from deeprestore_lab.signal.arithmetic import blocks, conv, linear, output_size, pool, relu, transposed


@given(drawn_layers(), pairs(1, 14))
@settings(max_examples=150)
def test_sizes_are_torchs_or_both_refuse(layer, size):
    x = torch.zeros(1, layer.in_channels or 2, *size, dtype=torch.float64)
    try:
        expected = tuple(as_module(layer)(x).shape)
    except RuntimeError:
        with pytest.raises(ValueError, match=f"^{layer.name} .* gives no output for an input of {size[0]} x {size[1]}"):
            output_size(layer, size)
        return
    if 0 in expected:  # torch returns some empty blocks without a word
        with pytest.raises(ValueError, match="gives no output"):
            output_size(layer, size)
        return
    assert output_size(layer, size) == expected[2:]
    assert blocks(layer, tuple(x.shape[1:])) == [expected[1:]]


@given(st.lists(drawn_layers(("pooling",)), min_size=2, max_size=4), pairs(4, 40))
@settings(max_examples=30)
def test_a_sequence_is_its_layers_one_after_the_other(layers, size):
    x, sizes = torch.zeros(1, 1, *size, dtype=torch.float64), []
    try:
        for layer in layers:
            x = as_module(layer)(x)
            sizes.append((1, *x.shape[2:]))
    except RuntimeError:
        with pytest.raises(ValueError, match="gives no output"):
            output_size(layers, size)
        return
    assert output_size(layers, size) == sizes[-1][1:]
    assert blocks(layers, (1, *size)) == sizes


def test_mean_pooling_has_the_same_sizes_when_it_rounds_up():
    for n in range(2, 12):
        for kernel, stride, padding in ((2, 2, 1), (3, 2, 1), (2, 3, 0), (3, 3, 1)):
            layer = pool(kernel, stride, padding=padding, ceil_mode=True)
            module = nn.AvgPool2d(kernel, stride, padding, ceil_mode=True)
            try:
                expected = tuple(module(torch.zeros(1, 1, n, n)).shape[2:])
            except RuntimeError:
                with pytest.raises(ValueError, match="gives no output"):
                    output_size(layer, (n, n))
                continue
            assert output_size(layer, (n, n)) == expected


def test_a_network_of_every_kind_of_layer():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ConvTranspose2d(8, 4, 4, 2, 1)
    )
    x = torch.zeros(1, 3, 33, 47)
    layers = [
        conv(3, 8, kernel=5, stride=2, padding=1),
        relu(),
        pool(3, 2, ceil_mode=True),
        transposed(8, 4, kernel=4, stride=2, padding=1),
    ]
    found = blocks(layers, (3, 33, 47))
    for module, block in zip(network, found, strict=True):
        x = module(x)
        assert tuple(x.shape[1:]) == block
    values = x.numel()
    assert blocks([*layers, linear(values, 10)], (3, 33, 47))[-1] == (10, 1, 1)


def test_the_layer_that_does_not_fit_is_named():
    layers = [conv(1, 4, kernel=5, name="first"), pool(2, name="halved"), conv(4, 4, kernel=7, name="too large")]
    with pytest.raises(ValueError, match="too large .* 6 x 6: its kernel spans 7 x 7"):
        output_size(layers, (16, 16))
    with pytest.raises(ValueError, match="second .* takes 3 channels, 4 come in"):
        blocks([layers[0], conv(3, 1, kernel=1, name="second")], (1, 16, 16))
    with pytest.raises(ValueError, match="linear .* takes 10 values, 144 come in"):
        blocks([layers[0], linear(10, 2)], (1, 10, 10))


def test_layers_without_a_name_are_told_apart_by_their_place():
    with pytest.raises(ValueError, match=r"^pooling \(pooling, layer 3 of 3\) gives no output for an input of 1 x 2"):
        output_size([pool(2), pool(2), pool(2)], (4, 8))
    with pytest.raises(ValueError, match=r"^convolution \(convolution, layer 2 of 2\) takes 3 channels, 4 come in"):
        blocks([conv(1, 4, kernel=1), conv(3, 1, kernel=1)], (1, 5, 5))
    with pytest.raises(ValueError, match=r"^pooling \(pooling\) gives no output"):  # alone it needs no number
        output_size(pool(2), (1, 1))


@pytest.mark.parametrize("size", [(0, 4), (4,), (4, 4, 4), 4, (4.0, 4), (True, 4)])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match=r"H|W"):
        output_size(relu(), size)


@pytest.mark.parametrize("layers", ["conv", [nn.Conv2d(1, 1, 1)], None])
def test_what_is_no_layer_is_refused(layers):
    with pytest.raises(ValueError, match="expected a Layer"):
        output_size(layers, (4, 4))
