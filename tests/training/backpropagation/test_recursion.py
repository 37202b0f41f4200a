"""The recursion on whole nets against autograd."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from deeprestore_lab.training.backpropagation import (
    AveragePooling,
    Convolution,
    MaxPooling,
    ReLU,
    Upsampling,
    activations,
    backpropagate,
)


def pair_of_nets(pooling, mode):
    """Three convolutions with all other layers between them: by hand and as a torch module, the same weights."""
    torch.manual_seed(0)
    pool = {"max": nn.MaxPool2d(2), "average": nn.AvgPool2d(2)}[pooling]
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        pool,
        nn.Conv2d(4, 5, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode=mode),
        nn.Conv2d(5, 3, 3, padding=1),
    ).double()
    first, second, last = (
        Convolution(conv.weight.detach(), conv.bias.detach(), padding=1)
        for conv in module
        if isinstance(conv, nn.Conv2d)
    )
    middle = {"max": MaxPooling(2), "average": AveragePooling(2)}[pooling]
    return module, [first, ReLU(), middle, second, ReLU(), Upsampling(2, mode=mode), last]


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_the_recursion_gives_the_gradients_of_autograd(pooling, mode):
    module, layers = pair_of_nets(pooling, mode)
    x = torch.rand(2, 3, 8, 6, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 8, 6, dtype=torch.float64)
    output = module(x)
    (output - target).square().mean().backward()
    found = activations(layers, x.detach())
    assert len(found) == 8
    torch.testing.assert_close(found[-1], output.detach())
    u = 2 * (found[-1] - target) / target.numel()
    to_x, gradients = backpropagate(layers, x.detach(), u)
    assert (to_x - x.grad).abs().max() <= 1e-12
    convolutions = [part for part in module if isinstance(part, nn.Conv2d)]
    assert [bool(each) for each in gradients] == [True, False, False, True, False, False, True]
    for part, each in zip(convolutions, (gradients[0], gradients[3], gradients[6]), strict=True):
        assert (each["kernel"] - part.weight.grad).abs().max() <= 1e-12
        assert (each["bias"] - part.bias.grad).abs().max() <= 1e-12


def test_the_recursion_is_the_product_of_the_written_out_jacobians():
    _, layers = pair_of_nets("max", "nearest")
    x = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    given = activations(layers, x)
    product = torch.eye(x.numel(), dtype=torch.float64)
    for layer, below in zip(layers, given, strict=False):
        written_out = jacobian(layer.forward, below).reshape(-1, below.numel())
        product = written_out @ product
    u = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    to_x, _ = backpropagate(layers, x, u)
    torch.testing.assert_close(to_x.flatten(), u.flatten() @ product)


def test_a_u_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"u must have the shape of the output, \(1, 1, 2, 2\)"):
        backpropagate([MaxPooling(2)], torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))


def test_a_layer_of_torch_is_refused_by_its_number():
    layers = [ReLU(), torch.nn.ReLU()]
    with pytest.raises(ValueError, match="layer 2 must be one of deeprestore_lab.training.backpropagation"):
        activations(layers, torch.zeros(1, 1, 2, 2))
