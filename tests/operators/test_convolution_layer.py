"""A layer as an operator: the sparse matrix of chapter 1 for zero padding, the rolled sum for a ring."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.operators import ConvolutionLayer, as_matrix
from deeprestore_lab.operators.convolution_layer import transposed
from deeprestore_lab.signal.arithmetic import conv, convolution_matrix


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 1), ((2, 3), (0, 2)), (1, (2, 0))])
def test_zero_padding_is_the_matrix_of_the_layer(stride, padding):
    kernels = random(3, 2, 3, 3)
    layer = ConvolutionLayer(kernels, size=(7, 8), stride=stride, padding=padding)
    known = convolution_matrix(conv(2, 3, kernel=3, stride=stride, padding=padding), kernels, block=(2, 7, 8))
    torch.testing.assert_close(as_matrix(layer, layer.in_shape), known.to_dense())


def test_a_ring_is_a_sum_of_rolled_images():
    kernels, x = random(2, 1, 2, 3), random(2, 1, 6, 4, seed=1)
    layer = ConvolutionLayer(kernels, size=(6, 4), stride=(3, 2), padding=(1, 1), border="circular")
    wanted = sum(
        kernels[:, 0, u, v].reshape(2, 1, 1) * x.roll((1 - u, 1 - v), (-2, -1))[..., ::3, ::2]
        for u in range(2)
        for v in range(3)
    )
    torch.testing.assert_close(layer(x), wanted)


def test_a_transposed_convolution_may_begin_after_its_place():
    spread = transposed(
        torch.tensor([[[[1.0, 2.0]]]]), torch.ones(1, 1, 1, 1), size=(1, 4), stride=(1, 2), padding=(0, -1),
        border="zero",
    )  # fmt: skip
    assert spread.tolist() == [[[[0.0, 1.0, 0.0, 2.0]]]]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": (5, 4), "stride": 2, "border": "circular"}, "divides"),
        ({"size": (2, 2), "padding": 0}, "do not fit"),
        ({"size": (4, 4), "border": "mirror"}, "border"),
    ],
)
def test_what_does_not_fit_is_named(settings, words):
    with pytest.raises(ValueError, match=words):
        ConvolutionLayer(torch.ones(1, 1, 3, 3), **settings)
    with pytest.raises(ValueError, match="takes images"):
        ConvolutionLayer(torch.ones(1, 2, 3, 3), size=(4, 4))(torch.ones(1, 1, 4, 4))
