"""What a layer takes and refuses, against torch where torch refuses too."""

from dataclasses import FrozenInstanceError

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deeprestore_lab.signal.arithmetic import Layer, conv, linear, pool, relu, transposed


def test_one_number_stands_for_both_directions():
    layer = conv(1, 1, kernel=3, stride=(1, 2), padding=1, dilation=2)
    assert (layer.kernel, layer.stride, layer.padding, layer.dilation) == ((3, 3), (1, 2), (1, 1), (2, 2))
    assert layer == Layer("convolution", "convolution", [3, 3], [1, 2], 1, (2, 2), in_channels=1, out_channels=1)
    with pytest.raises(FrozenInstanceError):
        layer.stride = (1, 1)


def test_the_extent_is_that_of_the_spread_kernel():
    spread = torch.zeros(7, 5)
    spread[::3, ::2] = 1  # a 3 x 3 kernel, its taps 3 and 2 apart
    assert int(spread.sum()) == 9
    assert conv(1, 1, kernel=3, dilation=(3, 2)).extent == tuple(spread.shape)


def test_pooling_lies_side_by_side_unless_told():
    module = nn.MaxPool2d((2, 3))
    assert pool((2, 3)).stride == module.stride == (2, 3)
    assert pool((2, 3), 1).stride == (1, 1)


@pytest.mark.parametrize("layer", [relu(), linear(3, 4), conv(3, 3, kernel=1), pool(1)])
def test_plain_layers_see_one_place(layer):
    assert layer.is_plain


@pytest.mark.parametrize("setting", [{"kernel": 2}, {"stride": 2}, {"padding": (0, 1)}])
def test_other_layers_are_not_plain(setting):
    assert not conv(1, 1, **{"kernel": 1, **setting}).is_plain


@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 4))
@settings(max_examples=40)
def test_pooling_refuses_the_padding_that_torch_refuses(kernel, dilation, padding):
    try:
        nn.MaxPool2d(kernel, 1, padding, dilation)(torch.zeros(1, 1, 16, 16))
    except RuntimeError:
        with pytest.raises(ValueError, match="pooling pads"):
            pool(kernel, 1, padding=padding, dilation=dilation)
        return
    assert pool(kernel, 1, padding=padding, dilation=dilation).padding == (padding, padding)


REFUSED = [
    (lambda: conv(3, 4, kernel=0, name="conv1"), "kernel of conv1 must be a whole number of at least 1, got 0"),
    (lambda: conv(3, 4, kernel=2.0), "kernel of convolution must be a whole number"),
    (lambda: conv(3, 4, kernel=(3, 3, 3)), r"kernel of convolution must be one number or a pair .* got \(3, 3, 3\)"),
    (lambda: conv(3, 4, kernel=3, padding=-1), "padding of convolution must be a whole number of at least 0"),
    (lambda: conv(3, 4, kernel=3, groups=2), r"channels of convolution, \(3, 4\), must divide by its groups, 2"),
    (lambda: conv(0, 4, kernel=3), "in_channels of convolution must be a whole number of at least 1"),
    (lambda: Layer("c", "convolution", 3), r"c \(convolution\) needs in_channels and out_channels"),
    (lambda: Layer("p", "pooling", 2, in_channels=3, out_channels=4), r"p \(pooling\) keeps its channels"),
    (lambda: Layer("r", "pointwise", 3), r"r \(pointwise\) has no kernel"),
    (lambda: Layer("r", "pointwise", ceil_mode=True), r"r \(pointwise\) has no ceil_mode"),
    (lambda: Layer("p", "pooling", 2, groups=2), r"p \(pooling\) has no groups"),
    (lambda: Layer("p", "pooling", 2, output_padding=1), r"p \(pooling\) has no output_padding"),
    (lambda: transposed(1, 1, kernel=2, stride=2, output_padding=2), "output_padding of .*, 2, must be below"),
    (lambda: Layer("x", "convolve"), "the kind of x must be one of"),
    (lambda: Layer("", "pointwise"), "a layer's name must be text, got ''"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_is_no_layer_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
