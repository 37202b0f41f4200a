"""What a recording is given again, without a GPU: tensors are copied, all else must be what it was."""

from __future__ import annotations

import pytest
import torch
from torch.utils._pytree import tree_flatten

from deeprestore_lab.core.capture import refill


def test_tensors_in_nested_batches_are_copied_beside_none():
    held, _ = tree_flatten({"x": (torch.zeros(2), None), "n": [torch.zeros(1), 3]})
    given, _ = tree_flatten({"x": (torch.ones(2), None), "n": [torch.full((1,), 5.0), 3]})
    places = [leaf.data_ptr() for leaf in held if isinstance(leaf, torch.Tensor)]
    refill(held, given)
    assert [leaf.tolist() if isinstance(leaf, torch.Tensor) else leaf for leaf in held] == [[1.0, 1.0], None, [5.0], 3]
    assert places == [leaf.data_ptr() for leaf in held if isinstance(leaf, torch.Tensor)]


@pytest.mark.parametrize(
    ("held", "given", "words"),
    [
        (None, torch.ones(1), "takes None"),
        (torch.ones(1), None, "got None"),
        (3, 4, "takes 3"),
        (1, True, "got True"),
        (torch.ones(2), torch.ones(3), r"shape \(2,\).*shape \(3,\)"),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), "float32.*float64"),
    ],
)
def test_another_kind_is_refused_and_nothing_copied(held, given, words):
    first = torch.zeros(1)
    with pytest.raises(ValueError, match=words):
        refill([first, held], [torch.ones(1), given])
    assert first.item() == 0
