"""Costs against torch's own counter of operations, and against counting by hand."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from deeprestore_lab.training.backpropagation import (
    Convolution,
    ReLU,
    costs,
    forward_mode,
    matrix_products,
    reverse_mode,
)


def test_forward_and_backward_are_what_torch_counts():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2, stride=2), nn.Conv2d(8, 6, 3), nn.Conv2d(6, 1, 3, dilation=2))
    x = torch.rand(2, 3, 16, 14)
    with FlopCounterMode(display=False) as forward:
        output = module(x)
    with FlopCounterMode(display=False) as backward:
        output.sum().backward()
    names = ("stride", "padding", "dilation")
    each = costs([Convolution(m.weight.detach(), **{n: getattr(m, n) for n in names}) for m in module], x)
    assert 2 * sum(cost.forward for cost in each) == forward.get_total_flops()  # two operations a multiply-add
    assert 2 * reverse_mode(each) == backward.get_total_flops()


def test_the_two_ways_by_hand():
    layers = [Convolution(torch.ones(2, 1, 1, 1)), ReLU(), Convolution(torch.ones(1, 2, 1, 1))]
    each = costs(layers, torch.ones(1, 1, 3, 3))
    assert [cost.forward for cost in each] == [18, 18, 18]
    assert reverse_mode(each) == 18 + 18 + 2 * 18  # the kernel; the rectifier; the last layer's input and kernel
    assert forward_mode(each) == 2 * 54 + 2 * 18  # two parameters from the first layer on, two from the last
    assert matrix_products(each, values=9) == 9 * (18 + 18)  # nine columns through the two upper layers


def test_nothing_is_sent_below_the_lowest_parameter():
    each = costs([ReLU(), Convolution(torch.ones(1, 1, 1, 1)), ReLU()], torch.ones(1, 1, 2, 2))
    assert [cost.to_input for cost in each] == [0, 0, 4]
    assert [cost.layer for cost in each] == ["ReLU", "Convolution", "ReLU"]
