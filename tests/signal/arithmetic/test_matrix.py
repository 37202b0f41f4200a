"""Convolutions as matrices against torch's convolutions and SciPy's Toeplitz matrix."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import assume, given, settings
from torch_layers import as_module, assume_output, drawn_layers, pairs

from deeprestore_lab.signal.arithmetic import conv, convolution_matrix, output_size, pool, transposed, weight_shape


@given(drawn_layers(("convolution", "transposed")), pairs(1, 9))
@settings(max_examples=80)
def test_the_matrix_is_torchs_layer(layer, size):
    assume_output(layer, size)
    module = as_module(layer)
    x = torch.randn(3, layer.in_channels, *size, dtype=torch.float64)
    expected = module(x) - (module.bias[:, None, None] if layer.bias else 0)
    matrix = convolution_matrix(layer, module.weight.detach(), block=tuple(x.shape[1:]))
    assert matrix.shape == (expected[0].numel(), x[0].numel())
    torch.testing.assert_close((matrix @ x.flatten(1).T).T, expected.detach().flatten(1), atol=1e-12, rtol=0)


@given(drawn_layers(("convolution", "transposed")), pairs(1, 9))
@settings(max_examples=30)
def test_the_entries_stand_in_order_and_once(layer, size):
    """The promise that the result is coalesced: torch takes our word for it."""
    assume_output(layer, size)
    weight = torch.randn(weight_shape(layer))
    matrix = convolution_matrix(layer, weight, block=(layer.in_channels, *size))
    rows, columns = matrix.indices()
    places = rows * matrix.shape[1] + columns
    assert matrix.is_coalesced() and bool((places.diff() > 0).all())


def test_one_row_is_scipys_toeplitz_matrix():
    kernel = torch.randn(1, 1, 1, 3, dtype=torch.float64)
    matrix = convolution_matrix(conv(1, 1, kernel=(1, 3)), kernel, block=(1, 1, 8)).to_dense()
    taps = kernel.flatten().numpy()
    expected = scipy.linalg.toeplitz([taps[0]] + [0] * 5, [*taps, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(matrix.numpy(), expected)


def test_a_picture_gives_toeplitz_blocks_in_toeplitz_order():
    """Doubly blocked: block (i, k) depends on k - i alone, and each block is Toeplitz."""
    matrix = convolution_matrix(conv(1, 1, kernel=3, padding=1), torch.randn(1, 1, 3, 3), block=(1, 6, 5)).to_dense()
    cut = matrix.reshape(6, 5, 6, 5).permute(0, 2, 1, 3)  # (i, k) blocks of 5 x 5
    for i in range(5):
        for k in range(5):
            assert torch.equal(cut[i, k], cut[i + 1, k + 1])
            assert torch.equal(cut[i, k][:-1, :-1], cut[i, k][1:, 1:])


@given(drawn_layers(("convolution",)), pairs(4, 9))
@settings(max_examples=30)
def test_the_transposed_layer_has_the_transposed_matrix(layer, size):
    try:
        out = output_size(layer, size)
    except ValueError:
        assume(False)
    weight = torch.randn(weight_shape(layer))
    forward = convolution_matrix(layer, weight, block=(layer.in_channels, *size))
    settings_ = {key: getattr(layer, key) for key in ("kernel", "stride", "padding", "dilation", "groups")}
    back = transposed(layer.out_channels, layer.in_channels, **settings_)
    short = output_size(back, out) if all(_least(layer, out)) else None
    assume(short is not None)
    extra = tuple(n - m for n, m in zip(size, short, strict=True))  # rows that the stride left out
    back = transposed(layer.out_channels, layer.in_channels, output_padding=extra, **settings_)
    again = convolution_matrix(back, weight, block=(layer.out_channels, *out))
    torch.testing.assert_close(again.to_dense(), forward.to_dense().T, atol=0, rtol=0)


def _least(layer, out):
    pairs_ = zip(out, layer.stride, layer.padding, layer.extent, strict=True)
    return [(n - 1) * s - 2 * p + extent >= 1 for n, s, p, extent in pairs_]


@pytest.mark.parametrize("layer", [conv(2, 4, kernel=2, padding=1, groups=2), transposed(2, 4, kernel=2, stride=2)])
def test_gradients_reach_the_weights(layer):
    weight = torch.randn(weight_shape(layer), dtype=torch.float64, requires_grad=True)
    x = torch.randn(2 * 3 * 3, 1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda w: convolution_matrix(layer, w, block=(2, 3, 3)).to_dense() @ x, (weight,))


def test_precision_is_that_of_the_weights():
    for dtype in (torch.float32, torch.float64):
        matrix = convolution_matrix(conv(1, 1, kernel=1), torch.ones(1, 1, 1, 1, dtype=dtype), block=(1, 2, 2))
        assert matrix.dtype == dtype


def test_what_does_not_fit_is_refused_by_name():
    layer = conv(2, 4, kernel=3, name="conv1")
    with pytest.raises(ValueError, match=r"weights of conv1 must be a float tensor \(4, 2, 3, 3\), got .* \(4, 2, 3\)"):
        convolution_matrix(layer, torch.zeros(4, 2, 3), block=(2, 5, 5))
    with pytest.raises(ValueError, match="conv1 .* takes 2 channels, 1 come in"):
        convolution_matrix(layer, torch.zeros(4, 2, 3, 3), block=(1, 5, 5))
    with pytest.raises(ValueError, match="conv1 .* gives no output"):
        convolution_matrix(layer, torch.zeros(4, 2, 3, 3), block=(2, 2, 5))
    with pytest.raises(ValueError, match=r"pooling \(pooling\) has no kernel with weights"):
        convolution_matrix(pool(2), torch.zeros(1, 1, 2, 2), block=(1, 4, 4))
