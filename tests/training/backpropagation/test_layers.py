"""Each layer against torch's own, and its u J against the Jacobian that autograd writes out entry by entry."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd.functional import jacobian
from torch.nn import functional

from deeprestore_lab.training.backpropagation import AveragePooling, Convolution, MaxPooling, ReLU, Upsampling

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))
PADDINGS = st.tuples(st.integers(0, 2), st.integers(0, 2))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(
    kernel=PAIRS, stride=PAIRS, padding=PADDINGS, dilation=PAIRS, size=st.tuples(st.integers(3, 7), st.integers(3, 7))
)
def test_a_convolution_is_torchs_with_its_gradients(kernel, stride, padding, dilation, size):
    assume(all(n + 2 * p > d * (k - 1) for n, p, d, k in zip(size, padding, dilation, kernel, strict=True)))
    x, weight, bias = random(2, 3, *size), random(2, 3, *kernel, seed=1), random(2, seed=2)
    leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
    expected = functional.conv2d(*leaves, stride=stride, padding=padding, dilation=dilation)
    layer = Convolution(weight, bias, stride=stride, padding=padding, dilation=dilation)
    torch.testing.assert_close(layer(x), expected.detach())
    u = random(*expected.shape, seed=3)
    to_x, to_kernel, to_bias = torch.autograd.grad(expected, leaves, u)
    torch.testing.assert_close(layer.pull(u, x), to_x)
    torch.testing.assert_close(layer.gradients(u, x), {"kernel": to_kernel, "bias": to_bias})


PEERS = {
    "relu": (ReLU(), nn.ReLU()),
    "max pooling": (MaxPooling(2), nn.MaxPool2d(2)),
    "overlapping max pooling": (MaxPooling(3, stride=2), nn.MaxPool2d(3, stride=2)),
    "uneven max pooling": (MaxPooling((1, 3), stride=(2, 1)), nn.MaxPool2d((1, 3), stride=(2, 1))),
    "average pooling": (AveragePooling(2), nn.AvgPool2d(2)),
    "overlapping average pooling": (AveragePooling((2, 3), stride=1), nn.AvgPool2d((2, 3), stride=1)),
    "nearest": (Upsampling(3), nn.Upsample(scale_factor=3)),
    "bilinear": (Upsampling(2, mode="bilinear"), nn.Upsample(scale_factor=2, mode="bilinear")),
}


@pytest.mark.parametrize("name", PEERS)
def test_a_layer_is_torchs_and_u_j_is_a_row_times_its_jacobian(name):
    layer, peer = PEERS[name]
    x = random(2, 2, 5, 6)
    torch.testing.assert_close(layer(x), peer(x))
    written_out = jacobian(peer, x)  # (*output, *x)
    u = random(*layer(x).shape, seed=1)
    torch.testing.assert_close(layer.pull(u, x), torch.tensordot(u, written_out, dims=4))
    assert layer.products(x) == (int((written_out != 0).sum()) if name != "relu" else x.numel())
    assert layer.parameters == {} == layer.gradients(u, x)


def test_the_entries_of_a_convolutions_jacobian_are_its_products():
    x, kernel = random(2, 3, 5, 6), random(4, 3, 3, 2)
    layer = Convolution(kernel, stride=(2, 1))
    written_out = jacobian(lambda t: functional.conv2d(t, kernel, stride=(2, 1)), x)
    assert layer.products(x) == int((written_out != 0).sum())
    padded = Convolution(kernel, padding=1)
    assert padded.products(x) == padded(x).numel() * 3 * 3 * 2  # with the products that meet a padded zero


def test_equal_values_and_zeros_are_decided_as_torch_does():
    x = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    u = random(1, 1, 2, 2)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(functional.max_pool2d(leaf, 2), leaf, u)
    assert torch.equal(MaxPooling(2).pull(u, x), expected)
    assert not ReLU().pull(random(1, 1, 4, 4), x).any()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="kernel must be a float tensor"):
        Convolution(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="bias must have 2 values"):
        Convolution(torch.zeros(2, 1, 3, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="a kernel for 1 channels does not fit"):
        Convolution(torch.zeros(2, 1, 3, 3))(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"a window of \(5, 5\) .* does not fit \(4, 8\)"):
        Convolution(torch.zeros(1, 1, 5, 5))(torch.zeros(1, 1, 4, 8))
    with pytest.raises(ValueError, match="does not fit"):
        MaxPooling(5)(torch.zeros(1, 1, 4, 8))
    with pytest.raises(ValueError, match="stride must be a whole number of at least 1"):
        AveragePooling(2, stride=0)
    with pytest.raises(ValueError, match="mode must be one of"):
        Upsampling(2, mode="cubic")
    with pytest.raises(ValueError, match="x must be a float tensor"):
        ReLU()(torch.zeros(3, 3))
