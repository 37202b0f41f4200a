from __future__ import annotations

import json

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from deeprestore_lab.course.exercises.arrays import as_parts, fresh, from_json, kind, same, to_json, words

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6)
TENSORS = NUMBERS.map(lambda values: torch.tensor(values, dtype=torch.float32))
ARRAYS = NUMBERS.map(np.asarray)
PLAIN = st.one_of(st.integers(-9, 9), st.booleans(), st.none(), st.text(max_size=3), st.floats(-1, 1))
ARGUMENTS = st.recursive(
    st.one_of(TENSORS, ARRAYS, PLAIN),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.lists(inside, max_size=3).map(tuple)),
    max_leaves=5,
)


@given(ARGUMENTS)
def test_an_argument_comes_back_from_json_as_it_was(argument):
    assert same(from_json(json.loads(json.dumps(to_json(argument)))), argument)


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64])
@pytest.mark.parametrize("shape", [(), (2, 3), (0, 2)])
def test_types_and_shapes_come_back(dtype, shape):
    tensor = (torch.arange(6.0)[: torch.Size(shape).numel()] / 3).reshape(shape).to(dtype)
    back = from_json(json.loads(json.dumps(to_json(tensor))))
    assert back.dtype == dtype and back.shape == tensor.shape and torch.equal(back, tensor)


@given(ARGUMENTS)
def test_a_copy_is_the_same_and_shares_no_memory(argument):
    copy = fresh(argument)
    assert same(copy, argument)
    if isinstance(argument, torch.Tensor | np.ndarray):
        argument += 1 + abs(argument)
        assert not same(copy, argument)


def test_copies_in_another_precision_change_what_is_floating_alone():
    x, count, mask = torch.rand(2), np.arange(3), torch.ones(2, dtype=torch.bool)
    x64, (count64, mask64), number = fresh((x, [count, mask], 0.5), dtype=torch.float64)
    assert x64.dtype == torch.float64 and torch.equal(x64, x.double())
    assert same(count64, count) and same(mask64, mask) and number == 0.5
    assert fresh(np.ones(2), dtype=torch.float32).dtype == np.float32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.ones(2), torch.ones(2).double()),
        (torch.ones(2), torch.ones(1, 2)),
        (torch.ones(2), np.ones(2)),
        (1, True),
        ([1], (1,)),
        ((1, 2), (1,)),
        ([torch.zeros(2)], [torch.ones(2)]),
    ],
)
def test_what_differs_is_not_the_same(one, other):
    assert not same(one, other) and not same(other, one)


@pytest.mark.parametrize(
    ("value", "expected", "sort"),
    [
        (torch.tensor([0.5, 1.5], dtype=torch.bfloat16), [0.5, 1.5], "floating point"),
        (torch.tensor([0.5, 1.5], requires_grad=True), [0.5, 1.5], "floating point"),
        (torch.tensor([1 + 2j]).conj(), [1 - 2j], "complex"),
        (torch.tensor([[0.0, 1.5]]).to_sparse(), [[0.0, 1.5]], "floating point"),
        (np.float32(0.5), 0.5, "floating point"),
        (np.array([3], dtype=np.uint8), [3], "whole numbers"),
        (7, 7, "whole numbers"),
        (True, True, "true or false"),
        ([torch.tensor(1.5), 2.5], [1.5, 2.5], "floating point"),
    ],
)
def test_an_answer_as_one_array(value, expected, sort):
    (array,) = as_parts(value)
    assert kind(array) == sort and np.array_equal(array, np.asarray(expected))


def test_an_array_of_an_answer_is_a_copy():
    x = torch.zeros(2, dtype=torch.float64)
    (array,) = as_parts(x)
    x += 1
    assert not array.any()


@pytest.mark.parametrize("value", ["text", {"a": 1}, None, [], [torch.ones(2), 1.0], np.array(["a"]), len])
def test_what_is_no_answer_is_refused(value):
    with pytest.raises(TypeError):
        as_parts(value)


def test_several_results_in_a_list_are_told_to_be_a_tuple():
    with pytest.raises(TypeError, match="differ in shape .several results are a tuple"):
        as_parts([torch.ones(2, 2), torch.ones(2)])


@pytest.mark.parametrize("value", [len, {"a": 1}, [object()]])
def test_what_a_key_cannot_hold_is_refused(value):
    with pytest.raises(TypeError, match="a value of type"):
        to_json(value)


def test_words_give_shapes_and_numbers_alone():
    assert words((np.zeros((2, 3)), [1, 2], "reflect", 4)) == "(array of shape (2, 3), list of 2, 'reflect', 4)"
