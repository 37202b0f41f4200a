"""What one value of a layer's output sees of the image: the receptive field. Taught in chapter 02_receptive_fields.

Pixels are counted from 0 in each direction, rows first; numbers below 0 and above the last pixel lie in the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from deeprestore_lab.arithmetic.layers import Layer
from deeprestore_lab.checks import check_whole, describe

Number = int | float


@dataclass(frozen=True)
class ReceptiveField:
    """The field of the values behind one layer, a pair (rows, columns) for each number.

    `size`: pixels that a value sees, from the first to the last; for transposed convolutions, whose values see unlike
    many, the largest. `jump`: pixels between the fields of neighbours. `start`: the centre of the field of the value
    at (0, 0), in pixels; half a pixel off the grid where the size is even.
    """

    name: str
    size: tuple[int, int]
    jump: tuple[Number, Number]
    start: tuple[Number, Number]

    def bounds(self, position: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first and last row, and the first and last column, that the value at `position` sees.

        They may lie outside of the image: there the field reaches into the padding. Raises `ValueError` behind a
        transposed convolution, where values see unlike many pixels: `touched_pixels` has each one's.

        >>> ReceptiveField("conv", size=(3, 3), jump=(2, 2), start=(0, 0)).bounds((0, 5))
        ((-1, 1), (9, 11))
        """
        pairs = []
        for size, jump, start, place in zip(self.size, self.jump, self.start, _pair_of_places(position), strict=True):
            first = start + jump * place - (size - 1) / 2
            if jump != int(jump) or first != int(first):
                raise ValueError(
                    f"values behind {self.name!r} see unlike many pixels (jump {self.jump}): use touched_pixels"
                )
            pairs.append((int(first), int(first) + size - 1))
        return pairs[0], pairs[1]

    def smallest_image(self) -> tuple[int, int]:
        """The size (H, W) of the smallest image that the whole field of one value lies inside of.

        >>> ReceptiveField("conv", size=(3, 3), jump=(2, 2), start=(0, 0)).smallest_image()
        (4, 4)
        """
        places = tuple(
            max(0, -int((start - (size - 1) / 2) // jump))
            for size, jump, start in zip(self.size, self.jump, self.start, strict=True)
        )
        rows, columns = self.bounds(places)
        return rows[1] + 1, columns[1] + 1


def receptive_fields(layers: Sequence[Layer]) -> list[ReceptiveField]:
    r"""The receptive field behind each layer of a sequence, by the recursion from the image to the last layer.

    For a kernel k with stride s, padding p and dilation d, in each direction, from size 1, jump 1, start 0:

        size <- size + d (k - 1) jump,   start <- start + (d (k - 1) / 2 - p) jump,   jump <- s jump

    Pointwise layers change nothing. A transposed convolution divides the jump by its stride first and then moves the
    start by p - d (k - 1) / 2 jumps; its values see unlike many pixels, and the size is the largest. Raises
    `ValueError` for an empty sequence and for a linear layer, which sees all that is before it: write it as a
    convolution whose kernel is the map before it.

    Source: Araujo, Norris & Sim, Computing receptive fields of convolutional neural networks, Distill 2019. Differs
    from it in that pixels are counted from 0, and that dilation and transposed convolutions are included. Taught in
    chapter 02_receptive_fields.

    >>> from deeprestore_lab.arithmetic import conv, pool
    >>> for field in receptive_fields([conv(3, 8, kernel=3, padding=1, name="first"), pool(2, name="second")]):
    ...     print(field.name, field.size, field.jump, field.start)
    first (3, 3) (1, 1) (0, 0)
    second (4, 4) (2, 2) (0.5, 0.5)
    """
    layers = _checked(layers)
    rows, columns = _recursion(layers, axis=0), _recursion(layers, axis=1)
    return [
        ReceptiveField(layer.name, *zip(row, column, strict=True))
        for layer, row, column in zip(layers, rows, columns, strict=True)
    ]


def receptive_field(layers: Sequence[Layer]) -> ReceptiveField:
    """The receptive field behind the last layer of a sequence: the last of `receptive_fields`."""
    return receptive_fields(layers)[-1]


def touched_pixels(layers: Sequence[Layer], position: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns of the image that the value at `position` behind the last layer can depend on, sorted.

    The pixels are all pairs of one of these rows and one of these columns. Between them there may be gaps, where
    dilations or strides leave pixels out. Numbers outside of the image lie in the padding, also where a value sees the
    padding of a map between. None are left where a transposed convolution puts a zero between its inputs.
    Raises `ValueError` as `receptive_fields`.

    >>> from deeprestore_lab.arithmetic import conv
    >>> touched_pixels([conv(1, 1, kernel=3, dilation=2), conv(1, 1, kernel=2, dilation=4)], (0, 1))[1].tolist()
    [1, 3, 5, 7, 9]
    """
    layers, places = _checked(layers), _pair_of_places(position)
    rows, columns = (_touched(layers, axis, place) for axis, place in enumerate(places))
    return rows, columns


def _checked(layers: Sequence[Layer]) -> list[Layer]:
    layers = list(layers)
    if not layers or not all(isinstance(layer, Layer) for layer in layers):
        raise ValueError(f"layers must be a sequence of at least one Layer, got {describe(layers)}")
    if whole := [layer.name for layer in layers if layer.kind == "linear"]:
        raise ValueError(
            f"the linear layer {whole[0]!r} sees everything before it: stop there, or give it as a convolution whose "
            "kernel is the size of the map before it"
        )
    return layers


def _pair_of_places(position: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(position, tuple | list) or len(position) != 2:
        raise ValueError(f"position must be a pair (row, column), got {describe(position)}")
    return tuple(check_whole(place, name="a number of position") for place in position)


def _recursion(layers: list[Layer], *, axis: int) -> list[tuple[int, Number, Number]]:
    """(size, jump, start) behind each layer in one direction."""
    size, jump, start, steps = 1, Fraction(1), Fraction(0), []
    phases = 0  # behind transposed convolutions: so many kinds of neighbours, as far as their fields go
    for depth, layer in enumerate(layers, start=1):
        span, stride, padding = layer.extent[axis] - 1, layer.stride[axis], layer.padding[axis]
        if layer.kind == "transposed":
            phases = max(phases, 1) * stride
            jump /= stride
            start += (padding - Fraction(span, 2)) * jump
        else:
            start += (Fraction(span, 2) - padding) * jump
            size += 0 if phases else int(span * jump)
            jump *= stride
        if phases:
            size = _largest(layers[:depth], axis, phases)
        steps.append((size, _number(jump), _number(start)))
    return steps


def _largest(layers: list[Layer], axis: int, phases: int) -> int:
    """The largest field among values of every phase, in pixels from first to last."""
    fields = (_touched(layers, axis, place) for place in range(phases))
    return max(int(pixels[-1] - pixels[0]) + 1 for pixels in fields if len(pixels))


def _touched(layers: list[Layer], axis: int, place: int) -> np.ndarray:
    """The places of the image that one value sees in one direction, by walking back from the last layer."""
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


def _number(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)
