"""Costs against torch's own counter of operations and its modules' weights."""

import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torch_layers import as_module, assume_output, drawn_layers, pairs

from deeprestore_lab.signal.arithmetic import conv, costs, linear, multiply_adds, parameters, pool, relu


@given(drawn_layers(("convolution", "transposed")), pairs(1, 9))
@settings(max_examples=50)
def test_counts_are_torchs(layer, size):
    assume_output(layer, size)
    module = as_module(layer)
    assert parameters(layer) == sum(p.numel() for p in module.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, layer.in_channels, *size, dtype=torch.float64))
    # torch counts a product and a sum as two operations, and forgets the groups
    assert multiply_adds(layer, (layer.in_channels, *size)) == counter.get_total_flops() // 2


def test_a_linear_layer_is_counted_as_its_matrix():
    module = nn.Linear(12, 5)
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 12))
    assert multiply_adds(linear(12, 5), (3, 2, 2)) == counter.get_total_flops() // 2
    assert parameters(linear(12, 5)) == sum(p.numel() for p in module.parameters())
    assert parameters(linear(12, 5, bias=False)) == module.weight.numel()


def test_a_network_costs_what_its_tensors_hold():
    modules = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3), nn.Flatten()]
    modules.append(nn.Linear(4 * 4 * 4, 10))
    layers = [conv(3, 8, kernel=3, padding=1), relu(), pool(2), conv(8, 4, kernel=3), linear(64, 10)]
    x, found = torch.zeros(1, 3, 12, 12), costs(layers, (3, 12, 12))
    rows = iter(found)
    for module in modules:
        x = module(x)
        if isinstance(module, nn.Flatten):
            continue
        cost = next(rows)
        assert cost.output_bytes == x.element_size() * x.numel()
        assert cost.parameter_bytes == sum(p.element_size() * p.numel() for p in module.parameters())
    halves = costs(layers, (3, 12, 12), bytes_per_value=2)
    assert [half.output_bytes * 2 for half in halves] == [cost.output_bytes for cost in found]
    assert [cost.name for cost in found] == [layer.name for layer in layers]


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="second .* takes 3 channels, 4 come in"):
        costs([conv(1, 4, kernel=3), conv(3, 1, kernel=3, name="second")], (1, 9, 9))
    with pytest.raises(ValueError, match="bytes_per_value must be a whole number of at least 1, got 0"):
        costs(relu(), (1, 2, 2), bytes_per_value=0)
