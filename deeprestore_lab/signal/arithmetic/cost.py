"""What a layer costs: weights, multiply-adds and memory, counted from its numbers. Taught in chapter 01_patterns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.matrix import weight_shape
from deeprestore_lab.signal.arithmetic.sizes import Block, as_layers, blocks


@dataclass(frozen=True)
class Cost:
    """What one layer costs for one image.

    `block` is its output (C, H, W); `parameters` counts weights and biases; `multiply_adds` counts products that are
    added up, padding included, as is usual; `parameter_bytes` and `output_bytes` are the memory of the weights and of
    the output block.
    """

    name: str
    kind: str
    block: Block
    parameters: int
    multiply_adds: int
    parameter_bytes: int
    output_bytes: int


def parameters(layer: Layer) -> int:
    """How many numbers are learned: kernel weights and one bias for each output channel.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> parameters(conv(3, 64, kernel=11))
    23296
    """
    if layer.kind in ("pooling", "pointwise"):
        return 0
    weights = layer.in_channels * layer.out_channels
    if layer.kind != "linear":
        weights = math.prod(weight_shape(layer))
    return weights + (layer.out_channels if layer.bias else 0)


def multiply_adds(layer: Layer, block: Block) -> int:
    """How many products of a weight and a value are added up for one input `block` (C, H, W).

    Convolution: C' H' W' (C / groups) kh kw, the places in the padding included. Transposed: every input value meets
    each tap of each of its output channels, C H W (C' / groups) kh kw. Linear: in times out. Pooling, pointwise
    layers and biases have no products of this kind and count 0.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> multiply_adds(conv(64, 64, kernel=3, padding=1), (64, 224, 224))
    1849688064
    """
    (out,) = blocks(layer, block)
    if layer.kind in ("pooling", "pointwise"):
        return 0
    if layer.kind == "linear":
        return layer.in_channels * layer.out_channels
    places = block[1:] if layer.kind == "transposed" else out[1:]
    return math.prod(weight_shape(layer)) * places[0] * places[1]


def costs(layers: Layer | Sequence[Layer], block: Block, *, bytes_per_value: int = 4) -> list[Cost]:
    """One `Cost` for each layer of a sequence that gets an input `block` (C, H, W), one image.

    `bytes_per_value`: 4 for float32, 2 for float16. Raises `ValueError` that names the layer that does not fit.

    >>> from deeprestore_lab.signal.arithmetic import conv, relu
    >>> [(cost.name, cost.parameters, cost.output_bytes) for cost in costs([conv(1, 8, kernel=3), relu()], (1, 10, 10))]
    [('convolution', 80, 2048), ('ReLU', 0, 2048)]
    """
    check_whole(bytes_per_value, name="bytes_per_value", least=1)
    layers, found = as_layers(layers), []
    for layer, out in zip(layers, blocks(layers, block), strict=True):
        count = parameters(layer)
        memory = count * bytes_per_value, math.prod(out) * bytes_per_value
        found.append(Cost(layer.name, layer.kind, out, count, multiply_adds(layer, block), *memory))
        block = out
    return found
