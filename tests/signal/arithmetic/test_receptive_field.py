"""Receptive fields: the recursion against the gradients of a torch network of the same layers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.reached_pixels import touched_pixels
from deeprestore_lab.signal.arithmetic.receptive_field import ReceptiveField, receptive_field, receptive_fields

SIZE = 72  # of the image, in pixels
PLAIN = {"in_channels": 1, "out_channels": 1}


def pairs(low: int, high: int):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def layers(draw, kinds=("convolution", "pooling", "pointwise", "transposed"), most=3):
    """A sequence of layers with small kernels, unlike in the two directions."""
    sequence = []
    for number in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(kinds))
        name = f"layer {number}"
        if kind == "pointwise":
            sequence.append(Layer(name, kind))
            continue
        kernel = draw(pairs(1, 4))
        if kind == "pooling":
            padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
            sequence.append(Layer(name, kind, kernel, draw(pairs(1, 3)), padding))
        else:
            numbers = {"stride": draw(pairs(1, 2)), "padding": draw(pairs(0, 2)), "dilation": draw(pairs(1, 3))}
            sequence.append(Layer(name, kind, kernel, **numbers, **PLAIN))
    return sequence


def module(layer: Layer) -> nn.Module:
    """The torch layer with every weight 1, so that whatever a value sees has a positive gradient."""
    if layer.kind == "pointwise":
        return nn.Identity()
    if layer.kind == "pooling":
        return nn.AvgPool2d(layer.kernel, layer.stride, layer.padding)
    make = nn.Conv2d if layer.kind == "convolution" else nn.ConvTranspose2d
    made = make(1, 1, layer.kernel, layer.stride, layer.padding, dilation=layer.dilation, bias=False)
    return nn.init.ones_(made.weight) is not None and made.double()


def seen_by_gradients(sequence: list[Layer], position: tuple[int, int], size: int):
    """The rows and columns with a gradient, and the sizes of all maps, image first."""
    x = torch.zeros(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    maps = [x]
    for layer in sequence:
        maps.append(module(layer)(maps[-1]))
    (gradient,) = torch.autograd.grad(maps[-1][0, 0, position[0], position[1]], x)
    seen = (gradient[0, 0] != 0).numpy()
    assert (seen == np.outer(seen.any(1), seen.any(0))).all()
    return np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0)), [tuple(m.shape[2:]) for m in maps]


def stays_inside(sequence: list[Layer], position: tuple[int, int], sizes: list[tuple[int, int]]) -> bool:
    """Whether the value sees no padding, neither of the image nor of a map between."""
    for depth, size in enumerate(sizes[:-1]):
        touched = touched_pixels(sequence[depth:], position)
        if any(len(t) and (t[0] < 0 or t[-1] >= n) for t, n in zip(touched, size, strict=True)):
            return False
    return True


def middle(sequence: list[Layer], size: int) -> tuple[int, int]:
    x = torch.zeros(1, 1, size, size, dtype=torch.float64)
    for layer in sequence:
        x = module(layer)(x)
    return x.shape[2] // 2, x.shape[3] // 2


@settings(max_examples=40)
@given(layers())
def test_touched_pixels_are_those_with_a_gradient(sequence):
    position = middle(sequence, SIZE)
    rows, columns, sizes = seen_by_gradients(sequence, position, SIZE)
    assume(stays_inside(sequence, position, sizes))
    touched = touched_pixels(sequence, position)
    if all(map(len, touched)):
        np.testing.assert_array_equal(touched[0], rows)
        np.testing.assert_array_equal(touched[1], columns)
    else:  # zeros between the inputs, in one direction at least
        assert not len(rows) and not len(columns)


@settings(max_examples=40)
@given(layers(kinds=("convolution", "pooling", "pointwise")))
def test_size_jump_and_start_are_those_of_the_gradients(sequence):
    field = receptive_field(sequence)
    position = middle(sequence, SIZE)
    seen = seen_by_gradients(sequence, position, SIZE)
    assume(stays_inside(sequence, position, seen[2]))
    for axis in (0, 1):
        first, last = int(seen[axis][0]), int(seen[axis][-1])
        assert field.size[axis] == last - first + 1
        assert field.start[axis] + field.jump[axis] * position[axis] == (first + last) / 2
        assert field.bounds(position)[axis] == (first, last)


@settings(max_examples=12)
@given(layers(kinds=("convolution", "transposed"), most=2))
def test_behind_transposed_convolutions_the_size_is_the_largest_of_many_values(sequence):
    """Gradients of a square of neighbours, among them every pair of phases."""
    field, (row, column) = receptive_field(sequence), middle(sequence, SIZE)
    largest = [0, 0]
    for down, across in itertools.product(range(-2, 2), repeat=2):  # up to two strides of 2
        position = (row + down, column + across)
        seen = seen_by_gradients(sequence, position, SIZE)
        assume(stays_inside(sequence, position, seen[2]))
        for axis in (0, 1):
            if len(seen[axis]):  # else zeros between the inputs
                largest[axis] = max(largest[axis], int(seen[axis][-1] - seen[axis][0]) + 1)
    if 0 in largest:  # zeros alone are seen: along one axis the field is empty, which a gradient shows for both
        assert 0 in field.size
    else:
        assert field.size == tuple(largest)


def test_a_transposed_convolution_undoes_the_jump_of_a_convolution():
    down = Layer("down", "convolution", 4, stride=2, padding=1, **PLAIN)
    up = Layer("up", "transposed", 4, stride=2, padding=1, **PLAIN)
    field = receptive_fields([down, up])[1]
    assert (field.jump, field.start) == ((1, 1), (0, 0))


def test_down_and_up_again_the_jump_is_whole_and_the_fields_are_not_alike():
    """Of kernels of 3, even places see 5 pixels and odd ones 3: no one pair of bounds holds for both."""
    down, up = (Layer(k, k, 3, stride=2, **PLAIN) for k in ("convolution", "transposed"))
    field = receptive_field([down, up])
    assert (field.jump, field.size, field.alike) == ((1, 1), (5, 5), False)
    with pytest.raises(ValueError, match="are not alike"):
        field.bounds((4, 4))
    rows = [seen_by_gradients([down, up], (place, place), 15)[0].tolist() for place in (4, 5)]
    assert rows == [[2, 3, 4, 5, 6], [4, 5, 6]]


@settings(max_examples=40)
@given(layers(most=4))
def test_fields_that_are_alike_are_the_first_one_moved(sequence):
    """By walking back from four neighbours."""
    field = receptive_field(sequence)
    assume(field.alike and all(field.size))
    for place in range(4):
        for bounds, pixels in zip(field.bounds((place, place)), touched_pixels(sequence, (place, place)), strict=True):
            assert bounds == (pixels[0], pixels[-1])


def test_a_stride_that_meets_only_zeros_sees_nothing():
    sequence = [
        Layer("up", "transposed", 1, stride=2, **PLAIN),
        Layer("odd", "convolution", 1, stride=2, padding=1, **PLAIN),
    ]
    assert receptive_field(sequence).size == (0, 0)


def test_upsampling_halves_the_jump_and_bounds_says_why_it_cannot_answer():
    up = Layer("up", "transposed", 4, stride=2, padding=1, **PLAIN)
    field = receptive_field([up])
    assert field.jump == (0.5, 0.5)
    with pytest.raises(ValueError, match="behind 'up' are not alike .* use touched_pixels"):
        field.bounds((0, 0))
    assert [touched_pixels([up], (place, 0))[0].tolist() for place in (2, 3)] == [[0, 1], [1, 2]]


def test_zeros_between_the_inputs_see_nothing():
    sparse = Layer("sparse", "transposed", 1, stride=3, **PLAIN)
    assert [touched_pixels([sparse], (place, 0))[0].tolist() for place in range(4)] == [[0], [], [], [1]]
    assert receptive_field([sparse]).size == (1, 1)


def test_gaps_of_equal_dilations_are_seen():
    """Dilation 2 three times: 13 pixels wide, and every second one unseen."""
    sequence = [Layer(f"c{n}", "convolution", 3, padding=2, dilation=2, **PLAIN) for n in range(3)]
    assert receptive_field(sequence).size == (13, 13)
    np.testing.assert_array_equal(touched_pixels(sequence, (0, 0))[0], np.arange(-6, 7, 2))


def test_what_is_no_sequence_of_layers_is_refused():
    with pytest.raises(ValueError, match="at least one Layer"):
        receptive_fields([])
    with pytest.raises(ValueError, match="at least one Layer"):
        receptive_fields([nn.ReLU()])
    with pytest.raises(ValueError, match="linear layer 'fc6' sees everything"):
        receptive_fields([Layer("fc6", "linear", in_channels=8, out_channels=2)])


@pytest.mark.parametrize("position", [3, (1, 2, 3), (0.5, 1), "ab"])
def test_a_position_is_a_pair_of_whole_numbers(position):
    field = ReceptiveField("one", (1, 1), (1, 1), (0, 0))
    with pytest.raises(ValueError, match="position"):
        field.bounds(position)


@settings(max_examples=40)
@given(layers(kinds=("convolution", "pooling", "pointwise")))
def test_the_smallest_image_has_room_for_one_field_and_one_pixel_less_has_not(sequence):
    """By trying every place of a row whose fields could be inside."""
    field = receptive_field(sequence)
    for axis, pixels in enumerate(field.smallest_image()):
        bounds = [field.bounds((place, place))[axis] for place in range(120)]
        lasts = [last for first, last in bounds if first >= 0]
        assert min(lasts) == pixels - 1
