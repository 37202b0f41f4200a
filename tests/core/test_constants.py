"""Tensors that follow what they meet; that a GPU gets each of them once is in `tests/test_pretended_gpu.py`."""

import torch

from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators import Mask


def test_precision_is_that_of_what_they_meet():
    mask, mean = torch.tensor([True, False]), torch.tensor(0.1, dtype=torch.float64)
    found = Constants(mask, mean).like(torch.ones(1))
    assert [each.dtype for each in found] == [torch.float32] * 2
    assert found[0].tolist() == [1.0, 0.0] and found[1] == torch.tensor(0.1)


def test_elsewhere_each_precision_has_one_copy():
    constants, there = Constants(torch.ones(2)), torch.ones(1, device="meta")
    with torch.inference_mode():
        (first,) = constants.like(there)
    assert first.device.type == "meta" and not first.is_inference()
    assert constants.like(there)[0] is first and constants.like(there.double())[0].dtype == torch.float64
    assert constants.like(there)[0] is first


def test_what_was_changed_in_place_counts_where_it_lies():
    mask = torch.ones(1, 2)
    blind = Mask(mask)
    mask[0, 1] = 0
    assert blind(torch.ones(1, 1, 1, 2)).flatten().tolist() == [1.0, 0.0]
