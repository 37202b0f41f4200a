"""Closed forms of the linear inverse against dense solves, over drawn sizes, strides, channels and priors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d

from deeprestore_lab.operators import ConvolutionLayer, as_matrix
from deeprestore_lab.operators.convolution_layer import transposed
from deeprestore_lab.operators.linear_inverse import (
    alias_blocks,
    best_ring_kernel,
    best_window_kernel,
    centred_padding,
    circular_inverse,
    dense_inverse,
    expected_errors,
    exponential_covariance,
    exponential_spectrum,
    layer_symbol,
    mean_spectrum,
    ring_error,
)
from refusals import refused


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stationary(channels: int, size: tuple[int, int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Filtered white noise plus some: its spectrum, and its covariance from the matrix of the filter."""
    filters, floor = random(channels, channels, 3, 3, seed=seed), 0.1
    q = layer_symbol(filters, size).permute(2, 3, 0, 1)
    matrix = as_matrix(ConvolutionLayer(filters, size=size, border="circular"), (channels, *size))
    spectrum = (q @ q.mH + floor * torch.eye(channels)).permute(2, 3, 0, 1)
    return spectrum, matrix @ matrix.mT + floor * torch.eye(len(matrix))


@st.composite
def rings(draw):
    stride = draw(st.sampled_from([(1, 1), (2, 1), (2, 2), (3, 2)]))
    size = tuple(s * draw(st.integers(-(-3 // s), 6 // s)) for s in stride)
    into, out = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    side = draw(st.sampled_from([(3, 3), (2, 3), (1, 2)]))
    seed = draw(st.integers(0, 999))
    layer = ConvolutionLayer(random(out, into, *side, seed=seed), size=size, stride=stride, border="circular")
    return layer, draw(st.sampled_from([0.2, 5.0, 300.0])), seed


few = settings(deadline=None, max_examples=15)


@given(rings())
@few
def test_the_blocks_are_the_dense_solution_and_one_transposed_convolution(case):
    layer, weight, seed = case
    spectrum, covariance = stationary(layer.in_shape[0], layer.size, seed + 1)
    matrix = as_matrix(layer, layer.in_shape)
    dense = dense_inverse(matrix, covariance, weight=weight)
    precision = torch.linalg.inv(covariance) / weight + matrix.mT @ matrix
    torch.testing.assert_close(dense, torch.linalg.solve(precision, matrix.mT), rtol=1e-7, atol=1e-9)
    found = circular_inverse(layer.kernels, spectrum, weight=weight, stride=layer.stride)
    y = random(2, *layer.out_shape, seed=seed + 2)
    torch.testing.assert_close(found(y).flatten(1), y.flatten(1) @ dense.mT, rtol=1e-8, atol=1e-9)
    by_kernel = transposed(y, found.kernel, size=layer.size, stride=layer.stride, padding=(0, 0), border="circular")
    torch.testing.assert_close(by_kernel, found(y), rtol=1e-8, atol=1e-9)
    left = expected_errors(dense, matrix, covariance, weight=weight)
    assert float(found.error.mean()) == pytest.approx(float(left.mean()), rel=1e-8)
    assert ring_error(found, layer, spectrum, weight=weight) == pytest.approx(float(left.mean()), rel=1e-8)


@given(rings(), st.booleans(), st.integers(1, 5))
@few
def test_no_other_kernel_of_its_size_has_a_smaller_error(case, circular, side):
    layer, weight, seed = case
    if circular:
        spectrum, covariance = stationary(layer.in_shape[0], layer.size, seed + 1)
    else:
        layer = ConvolutionLayer(layer.kernels, size=layer.size, stride=layer.stride)
        covariance = torch.kron(torch.eye(layer.in_shape[0]).double(), exponential_covariance(layer.size, length=2.0))
    matrix, units = as_matrix(layer, layer.in_shape), torch.eye(math.prod(layer.out_shape)).double()
    found = best_window_kernel(layer, covariance, weight=weight, side=side)

    def error(kernels: torch.Tensor) -> float:
        applied = transposed(
            units.reshape(-1, *layer.out_shape), kernels, size=layer.size, stride=layer.stride,
            padding=found.padding, border=layer.border,
        )  # fmt: skip
        return float(expected_errors(applied.flatten(1).mT, matrix, covariance, weight=weight).mean())

    assert error(found.kernels) == pytest.approx(found.error, rel=1e-7)
    other = random(*found.kernels.shape, seed=seed + 3)
    up, down = (error(found.kernels + step * other) for step in (1e-2, -1e-2))
    assert min(up, down) >= found.error * (1 - 1e-9)
    assert up - down == pytest.approx(0, abs=1e-6 * (up + down))  # a parabola's bottom is in the middle
    if circular and side <= min(layer.size):
        ring = best_ring_kernel(layer, spectrum, weight=weight, side=side)
        assert ring.error == pytest.approx(found.error, rel=1e-7)
        assert ring_error(ring, layer, spectrum, weight=weight) == pytest.approx(found.error, rel=1e-7)


def test_the_symbol_is_the_response_to_a_wave():
    kernels = random(1, 1, 3, 3)[0, 0]
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(5), indexing="ij")
    wave = torch.exp(2j * math.pi * (2 * rows.double() / 6 + 3 * columns.double() / 5)).numpy()
    response = convolve2d(np.pad(wave, 1, mode="wrap"), kernels.flip(0, 1).numpy(), mode="valid")
    symbol = layer_symbol(kernels[None, None], (6, 5))[0, 0, 2, 3]
    np.testing.assert_allclose(response, symbol.item() * wave, atol=1e-12)


def test_maximum_likelihood_is_the_pseudo_inverse_where_the_prior_is_white():
    layer = ConvolutionLayer(random(3, 2, 3, 3), size=(4, 6), stride=2, border="circular")
    matrix = as_matrix(layer, layer.in_shape)
    found = circular_inverse(layer.kernels, torch.ones(4, 6), weight=math.inf, stride=2)
    y = random(1, *layer.out_shape, seed=1)
    torch.testing.assert_close(found(y).flatten(), torch.linalg.pinv(matrix) @ y.flatten(), rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(
        dense_inverse(matrix, torch.eye(48).double(), weight=math.inf), torch.linalg.pinv(matrix), rtol=1e-8, atol=1e-9
    )


def test_a_kernel_stands_in_the_middle_of_what_a_value_sees():
    for side, padding, own, wanted in ((3, 1, 5, 2), (7, 3, 1, 0), (2, 0, 2, 0), (3, 0, 1, -1), (3, 1, 4, 2)):
        layer = ConvolutionLayer(torch.ones(1, 1, side, side), size=(8, 8), stride=2, padding=padding)
        assert centred_padding(layer, own) == (wanted, wanted)


def test_the_mean_spectrum_of_many_crops_is_the_spectrum():
    # of a law that is white after a known filter; crops are cut from a larger ring, so that they are no rings
    filters = random(2, 2, 3, 3) / 3
    big = ConvolutionLayer(filters, size=(64, 64), border="circular")
    x = big(random(40, 2, 64, 64, seed=1))
    crops = torch.cat([x[..., i : i + 16, j : j + 16] for i in (0, 24, 48) for j in (0, 24, 48)])
    found = mean_spectrum(crops, floor=0)
    q = layer_symbol(filters, (16, 16)).permute(2, 3, 0, 1)
    wanted = (q @ q.mH).permute(2, 3, 0, 1)
    assert float((found - wanted).abs().mean() / wanted.abs().mean()) < 0.15  # 360 crops, and the window's blur
    power, of_pixels = found.diagonal(dim1=0, dim2=1).real.mean(), crops.square().mean()
    assert float(power) == pytest.approx(float(of_pixels), rel=0.05)


def test_the_exponential_prior_has_its_covariance_and_nine_taps():
    covariance = exponential_covariance((5, 4), length=2.0, std=3.0)
    assert covariance[0, 6] == pytest.approx(9 * math.exp(-3 / 2))  # one down, two right
    inverse = torch.linalg.inv(covariance).reshape(5, 4, 5, 4)
    far = (torch.arange(5)[:, None] - torch.arange(5)).abs() > 1
    assert float(inverse.permute(0, 2, 1, 3)[far].abs().max()) < 1e-12
    wide = torch.fft.ifft2(exponential_spectrum((256, 256), length=2.0, std=3.0)).real
    assert wide[1, 2] == pytest.approx(9 * math.exp(-3 / 2), rel=1e-9)


@pytest.mark.parametrize("correlated", [False, True])
def test_a_prior_that_is_zero_somewhere_has_its_inverse(correlated):
    layer = ConvolutionLayer(random(5, 2, 3, 3), size=(4, 6), border="circular")  # more channels than it is given
    spectrum = torch.ones(4, 6).double()
    spectrum[0, 0] = 0  # the mean of an image is known
    covariance = torch.kron(torch.eye(2).double(), torch.eye(24).double() - 1 / 24)
    if correlated:
        spectrum = torch.eye(2).double()[..., None, None] * spectrum
    found = circular_inverse(layer.kernels, spectrum, weight=3.0)
    y = random(1, *layer.out_shape, seed=1)
    dense = dense_inverse(as_matrix(layer, layer.in_shape), covariance, weight=3.0)
    torch.testing.assert_close(found(y).flatten(), dense @ y.flatten(), rtol=1e-8, atol=1e-9)


RING = ConvolutionLayer(torch.ones(1, 1, 3, 3), size=(4, 4), border="circular")
PADDED = ConvolutionLayer(torch.ones(1, 1, 3, 3), size=(4, 4))
RING_INVERSE = circular_inverse(RING.kernels, torch.ones(4, 4), weight=1.0)
BELOW = torch.eye(4) - 1e-3  # as a spectrum: below 0 at most frequencies


test_priors_noise_and_maps_that_cannot_be_are_named = refused(
    (lambda: dense_inverse(torch.eye(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]), weight=1.0), "got one of -1"),
    (lambda: dense_inverse(torch.eye(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]]), weight=1.0), "got entries 0.5"),
    (lambda: dense_inverse(torch.eye(2), torch.eye(2) * math.nan, weight=1.0), "finite"),
    (lambda: dense_inverse(torch.eye(2), torch.eye(2), weight=-1.0), "weight must be"),
    (lambda: dense_inverse(torch.eye(2), torch.eye(2).double(), weight=1.0), "of the covariance's precision"),
    (lambda: dense_inverse(torch.eye(2) * math.nan, torch.eye(2), weight=1.0), "must hold finite"),
    (lambda: mean_spectrum(torch.ones(1, 1, 4, 4), floor=-1.0), "floor must be"),
    (lambda: ring_error(RING_INVERSE, PADDED, torch.ones(4, 4), weight=1.0), "border 'zero'"),
    (lambda: ring_error(torch.ones(2), RING, torch.ones(4, 4), weight=1.0), "got a Tensor"),
    (lambda: expected_errors(torch.eye(2), torch.eye(2), torch.eye(2), weight=-1.0), "weight must be"),
    (lambda: circular_inverse(RING.kernels, BELOW, weight=1.0), "smallest value is -0.001"),
    (lambda: circular_inverse(RING.kernels, BELOW[None, None], weight=1.0), "got one of -0.001"),
    (lambda: circular_inverse(RING.kernels, BELOW * 1j, weight=1.0), "must be real, got"),
    (lambda: best_ring_kernel(RING, BELOW, weight=1.0, side=3), "smallest value is -0.001"),
    (lambda: best_window_kernel(RING, -torch.eye(16), weight=1.0, side=3), "got one of -1"),
    (
        lambda: ring_error(best_ring_kernel(RING, BELOW.abs(), weight=1.0, side=3), RING, BELOW.abs(), weight=0.0),
        "weight must be",
    ),
    (
        lambda: circular_inverse(RING.kernels, torch.ones(4, 4), weight=1.0)(torch.ones(1, 1, 4, 4).long()),
        "y must be a float tensor",
    ),
)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: circular_inverse(torch.ones(1, 2, 3, 3), torch.ones(3, 3, 4, 4), weight=1.0),
        lambda: circular_inverse(torch.ones(1, 2, 3, 3), torch.ones(5, 4), weight=1.0, stride=2),
        lambda: circular_inverse(torch.ones(1, 1, 3, 3), torch.ones(4, 4), weight=1.0)(torch.ones(1, 2, 4, 4)),
        lambda: dense_inverse(torch.ones(2, 3), torch.eye(2), weight=1.0),
        lambda: expected_errors(torch.ones(2, 3), torch.ones(2, 3), torch.eye(3), weight=1.0),
        lambda: best_window_kernel(
            ConvolutionLayer(torch.ones(1, 1, 1, 1), size=(2, 2)), torch.eye(3), weight=1, side=1
        ),
        lambda: best_ring_kernel(
            ConvolutionLayer(torch.ones(1, 1, 1, 1), size=(2, 2)), torch.ones(2, 2), weight=1.0, side=1
        ),
        lambda: alias_blocks(torch.ones(1, 1, 3, 3), 2),
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match=r"got|divide|takes|has the shape"):
        wrong()
