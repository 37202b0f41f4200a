"""What one value of a layer's output sees of the image: the receptive field. Taught in chapter 02_receptive_fields.

Pixels are counted from 0 in each direction, rows first; numbers below 0 and above the last pixel lie in the padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.reached_pixels import check_place, check_sequence, touched

Number = int | float


@dataclass(frozen=True)
class ReceptiveField:
    """The field of the values behind one layer, a pair (rows, columns) for each number.

    `size`: pixels that a value sees, from the first to the last; the largest of them where values differ in it.
    `jump`: pixels between the fields of neighbours. `start`: the centre of the field of the value at (0, 0), in
    pixels; half a pixel off the grid where the size is even. `alike`: whether every field is the first one, moved. It
    is not so behind most transposed convolutions, where size, jump and start are those of the whole map alone.
    """

    name: str
    size: tuple[int, int]
    jump: tuple[Number, Number]
    start: tuple[Number, Number]
    alike: bool = True

    def bounds(self, position: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first and last row, and the first and last column, that the value at `position` sees.

        They may lie outside of the image: there the field reaches into the padding. Raises `ValueError` where fields
        are not `alike`: `touched_pixels` has each one's.

        >>> ReceptiveField("conv", size=(3, 3), jump=(2, 2), start=(0, 0)).bounds((0, 5))
        ((-1, 1), (9, 11))
        """
        if not self.alike:
            raise ValueError(f"fields behind {self.name!r} are not alike (ReceptiveField.alike): use touched_pixels")
        pairs = []
        for size, jump, start, place in zip(self.size, self.jump, self.start, check_place(position), strict=True):
            first = int(start + jump * place - (size - 1) / 2)
            pairs.append((first, first + size - 1))
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
    start by p - d (k - 1) / 2 jumps. Its values take turns: s neighbours have s patterns of taps, so their fields are
    not alike, and the size is the largest, 0 where no value sees a pixel. Strides behind it can undo that. Raises
    `ValueError` for an empty sequence and for a linear layer, which sees all that is before it: write it as a
    convolution whose kernel is the map before it.

    Source: Araujo, Norris & Sim, Computing receptive fields of convolutional neural networks, Distill 2019. Differs
    from it in that pixels are counted from 0, and that dilation and transposed convolutions are included. Taught in
    chapter 02_receptive_fields.

    >>> from deeprestore_lab.signal.arithmetic import conv, pool
    >>> for field in receptive_fields([conv(3, 8, kernel=3, padding=1, name="first"), pool(2, name="second")]):
    ...     print(field.name, field.size, field.jump, field.start)
    first (3, 3) (1, 1) (0, 0)
    second (4, 4) (2, 2) (0.5, 0.5)
    """
    layers = check_sequence(layers)
    fields = []
    for layer, row, column in zip(layers, _recursion(layers, axis=0), _recursion(layers, axis=1), strict=True):
        size, jump, start, alike = zip(row, column, strict=True)
        fields.append(ReceptiveField(layer.name, size, jump, start, all(alike)))
    return fields


def receptive_field(layers: Sequence[Layer]) -> ReceptiveField:
    """The receptive field behind the last layer of a sequence: the last of `receptive_fields`."""
    return receptive_fields(layers)[-1]


def _recursion(layers: list[Layer], *, axis: int) -> list[tuple[int, Number, Number, bool]]:
    """(size, jump, start, alike) behind each layer in one direction."""
    size, jump, start, steps = 1, Fraction(1), Fraction(0), []
    patterns = 1  # so many neighbours until the field of the first comes again, moved
    ups = False
    for depth, layer in enumerate(layers, start=1):
        span, stride, padding = layer.extent[axis] - 1, layer.stride[axis], layer.padding[axis]
        if layer.kind == "transposed":
            ups, patterns = True, patterns * stride
            jump /= stride
            start += (padding - Fraction(span, 2)) * jump
        else:
            start += (Fraction(span, 2) - padding) * jump
            size += int(span * jump)
            jump *= stride
            patterns //= gcd(patterns, stride)
        if ups:  # zeros stand between the inputs: walk back instead
            seen = [touched(layers[:depth], axis=axis, place=place) for place in range(patterns)]
            size = max((int(pixels[-1] - pixels[0]) + 1 for pixels in seen if len(pixels)), default=0)
            if patterns == 1 and size:
                start = Fraction(int(seen[0][0] + seen[0][-1]), 2)
        steps.append((size, _number(jump), _number(start), patterns == 1))
    return steps


def _number(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)
