"""What one value of a layer's output sees of the image: the receptive field. Taught in chapter 02_receptive_fields.

Pixels are counted from 0 in each direction, rows first; numbers below 0 and above the last pixel lie in the padding.
"""

from __future__ import annotations

import math
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


def receptive_fields(layers: Sequence[Layer], *, size: tuple[int, int] | None = None) -> list[ReceptiveField]:
    r"""The receptive field behind each layer of a sequence, by the recursion from the image to the last layer.

    For a kernel k with stride s, padding p and dilation d, in each direction, from size 1, jump 1, start 0:

        size <- size + d (k - 1) jump,   start <- start + (d (k - 1) / 2 - p) jump,   jump <- s jump

    Pointwise layers change nothing. A transposed convolution divides the jump by its stride; its values see unlike
    many pixels, and the size is the largest. A linear layer sees the whole map before it, which takes the `size`
    (H, W) of the image. Raises `ValueError` for an empty sequence, for a linear layer without a size, and for an image
    that a layer cannot take.

    Source: Araujo, Norris & Sim, Computing receptive fields of convolutional neural networks, Distill 2019, equations
    1 and 4. Differs from the source in that pixels are counted from 0, and dilation and transposition are included.
    Taught in chapter 02_receptive_fields.

    >>> from deeprestore_lab.arithmetic.layers import conv
    >>> two = receptive_fields([conv(3, padding=1), conv(3, stride=2, padding=1)])
    >>> [(field.size, field.jump, field.start) for field in two]
    [((3, 3), (1, 1), (0, 0)), ((5, 5), (2, 2), (0, 0))]
    """
    layers = _checked(layers, size)
    rows, columns = ([_steps(layers, axis)][0] for axis in (0, 1))
    return [
        ReceptiveField(layer.name, *zip(row, column, strict=True))
        for layer, row, column in zip(layers, rows, columns, strict=True)
    ]
