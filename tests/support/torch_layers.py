"""Layers as torch's modules, and a grid of random ones: the oracle of the convolution arithmetic."""

import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import nn

from deeprestore_lab.signal.arithmetic import Layer, conv, output_size, pool, transposed


def as_module(layer: Layer) -> nn.Module:
    """The module of torch with the same settings, in double precision."""
    shared = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    if layer.kind == "pooling":
        return nn.MaxPool2d(layer.kernel, ceil_mode=layer.ceil_mode, **shared)
    channels = (layer.in_channels, layer.out_channels, layer.kernel)
    shared |= {"groups": layer.groups, "bias": layer.bias, "dtype": torch.float64}
    if layer.kind == "transposed":
        return nn.ConvTranspose2d(*channels, output_padding=layer.output_padding, **shared)
    return nn.Conv2d(*channels, **shared)


def assume_output(layer: Layer, size: tuple[int, int]) -> None:
    """Leave a drawn example out where nothing comes out of the layer."""
    try:
        output_size(layer, size)
    except ValueError:
        assume(False)


def pairs(least: int, most: int):
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def drawn_layers(draw, kinds: tuple[str, ...] = ("convolution", "transposed", "pooling")) -> Layer:
    """A layer with a kernel: any stride, padding, dilation and, where there are some, groups and channels."""
    kind = draw(st.sampled_from(kinds))
    kernel, stride, dilation = draw(pairs(1, 4)), draw(pairs(1, 3)), draw(pairs(1, 3))
    if kind == "pooling":
        padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)  # torch refuses more
        return pool(kernel, stride, padding=padding, dilation=dilation, ceil_mode=draw(st.booleans()))
    groups = draw(st.integers(1, 3))
    channels = [groups * draw(st.integers(1, 2)) for _ in range(2)]
    shared = {"kernel": kernel, "stride": stride, "padding": draw(pairs(0, 3)), "dilation": dilation, "groups": groups}
    if kind == "convolution":
        return conv(*channels, bias=draw(st.booleans()), **shared)
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    return transposed(*channels, bias=draw(st.booleans()), output_padding=extra, **shared)
