"""Which pixels of the image one value of a layer's output can depend on. Taught in chapter 02_receptive_fields."""

from collections.abc import Sequence

import numpy as np

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.signal.arithmetic.layers import Layer


def touched_pixels(layers: Sequence[Layer], position: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns of the image that the value at `position` behind the last layer can depend on, sorted.

    The pixels are all pairs of one of these rows and one of these columns. Between them there may be gaps, where
    dilations or strides leave pixels out. Numbers outside of the image lie in the padding, also where a value sees the
    padding of a map between. None are left where a transposed convolution puts a zero between its inputs.
    Raises `ValueError` as `receptive_fields`.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> touched_pixels([conv(1, 1, kernel=3, dilation=2), conv(1, 1, kernel=2, dilation=4)], (0, 1))[1].tolist()
    [1, 3, 5, 7, 9]
    """
    layers, places = check_sequence(layers), check_place(position)
    rows, columns = (touched(layers, axis=axis, place=place) for axis, place in enumerate(places))
    return rows, columns


def touched(layers: Sequence[Layer], *, axis: int, place: int) -> np.ndarray:
    """The pixels that one value sees in one direction, `(n,)`, by walking back from the last layer to the image."""
    places = np.array([place])
    for layer in reversed(layers):
        taps = layer.dilation[axis] * np.arange(layer.kernel[axis])
        stride, padding = layer.stride[axis], layer.padding[axis]
        if layer.kind == "transposed":  # output o meets input i where o = stride * i - padding + tap
            ahead = places[:, None] + padding - taps
            places = np.unique(ahead[ahead % stride == 0] // stride)
        else:
            places = np.unique(places[:, None] * stride - padding + taps)
    return places


def check_sequence(layers: Sequence[Layer]) -> list[Layer]:
    """Return `layers` as a list if it has a `Layer` or more, none of them linear, else raise `ValueError`."""
    layers = list(layers)
    if not layers or not all(isinstance(layer, Layer) for layer in layers):
        raise ValueError(f"layers must be a sequence of at least one Layer, got {describe(layers)}")
    if whole := [layer.name for layer in layers if layer.kind == "linear"]:
        raise ValueError(
            f"the linear layer {whole[0]!r} sees everything before it: stop there, or give it as a convolution whose "
            "kernel is the size of the map before it"
        )
    return layers


def check_place(position: tuple[int, int]) -> tuple[int, int]:
    """Return `position` if it is a pair of whole numbers, else raise `ValueError`."""
    if not isinstance(position, tuple | list) or len(position) != 2:
        raise ValueError(f"position must be a pair (row, column), got {describe(position)}")
    return tuple(check_whole(place, name="a number of position") for place in position)
