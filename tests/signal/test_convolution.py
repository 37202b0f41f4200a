"""Convolution and its bases against SciPy."""

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprestore_lab.signal.convolution import (
    BORDERS,
    convolve,
    dct_matrix,
    extend,
    extend_adjoint,
    frequency_counts,
    from_basis,
    to_basis,
    transfer_function,
)

SCIPY_MODE = {"circular": "wrap", "reflect": "reflect", "replicate": "nearest", "zero": "constant"}
quick = settings(deadline=None, max_examples=60)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def image_and_kernel(draw):
    size = draw(sizes)
    kernel = tuple(draw(st.integers(1, n)) for n in size)
    seed = draw(st.integers(0, 99))
    return random(2, 3, *size, seed=seed), random(*kernel, seed=seed + 100)


@quick
@given(sizes)
def test_the_cosine_basis_is_scipys(size):
    x = random(2, 3, *size)
    expected = scipy.fft.dctn(x.numpy(), axes=(-2, -1), norm="ortho")
    np.testing.assert_allclose(to_basis(x, "dct"), expected, atol=1e-12)


@quick
@given(sizes)
def test_the_fourier_basis_is_numpys(size):
    x = random(2, 3, *size)
    np.testing.assert_allclose(to_basis(x, "fft"), np.fft.rfft2(x.numpy()), atol=1e-12)


@quick
@given(sizes, st.sampled_from(["fft", "dct"]))
def test_there_and_back(size, basis):
    x = random(2, 3, *size)
    torch.testing.assert_close(from_basis(to_basis(x, basis), basis, x), x, atol=1e-12, rtol=0)


def test_an_unknown_basis_is_refused():
    with pytest.raises(ValueError, match="'fft', 'dct'"):
        to_basis(random(1, 1, 2, 2), "wavelet")


def test_a_cached_cosine_matrix_serves_gradients_and_precisions():
    with torch.inference_mode():
        dct_matrix(11)
    x = torch.rand(1, 1, 11, 11, requires_grad=True)
    to_basis(x, "dct").square().sum().backward()  # an orthonormal basis keeps the norm
    torch.testing.assert_close(x.grad, 2 * x.detach())
    assert dct_matrix(11, x.double()).dtype == torch.float64


@quick
@given(st.integers(1, 9), st.integers(1, 9))
def test_frequency_counts_make_parsevals_theorem_hold(height, width):
    x = random(height, width)
    power = (frequency_counts(width) * torch.fft.rfft2(x).abs().square()).sum() / (height * width)
    torch.testing.assert_close(power, x.square().sum())


@quick
@given(image_and_kernel(), st.sampled_from(BORDERS))
def test_convolution_is_scipys_with_every_border(pair, border):
    x, kernel = pair
    expected = [
        [scipy.ndimage.convolve(c, kernel.numpy(), mode=SCIPY_MODE[border]) for c in image] for image in x.numpy()
    ]
    np.testing.assert_allclose(convolve(x, kernel, border=border), expected, atol=1e-11)


@quick
@given(image_and_kernel())
def test_the_transfer_function_is_that_of_scipys_convolution(pair):
    x, kernel = pair
    size = x.shape[-2:]
    full = scipy.signal.convolve2d(x[0, 0].numpy(), kernel.numpy(), mode="full")
    wrapped = np.zeros(size)
    for i in range(full.shape[0]):
        for j in range(full.shape[1]):
            wrapped[(i - kernel.shape[0] // 2) % size[0], (j - kernel.shape[1] // 2) % size[1]] += full[i, j]
    multiplied = torch.fft.rfft2(x[0, 0]) * transfer_function(kernel, tuple(size))
    np.testing.assert_allclose(multiplied, np.fft.rfft2(wrapped), atol=1e-11)


def test_cross_correlation_is_convolution_with_the_mirrored_kernel():
    x, kernel = random(1, 1, 6, 7), random(3, 5)
    expected = scipy.ndimage.correlate(x[0, 0].numpy(), kernel.numpy(), mode="wrap")
    np.testing.assert_allclose(convolve(x, kernel.flip(-2, -1))[0, 0], expected, atol=1e-12)
    network = torch.nn.functional.conv2d(x, kernel[None, None], padding="same")
    torch.testing.assert_close(convolve(x, kernel.flip(-2, -1), border="zero"), network)


@pytest.mark.parametrize("border", BORDERS)
def test_a_kernel_for_each_channel(border):
    x, kernels = random(2, 3, 6, 7), random(3, 2, 3)
    together = convolve(x, kernels, border=border)
    for c in range(3):
        torch.testing.assert_close(together[:, c : c + 1], convolve(x[:, c : c + 1], kernels[c], border=border))


@quick
@given(image_and_kernel(), st.sampled_from(BORDERS))
def test_the_adjoint_of_a_margin(pair, border):
    x, kernel = pair
    extended = extend(x, kernel, border=border)
    z = random(*extended.shape, seed=7)
    torch.testing.assert_close((extended * z).sum(), (x * extend_adjoint(z, kernel, border=border)).sum())


@pytest.mark.parametrize("border", BORDERS)
def test_a_kernel_larger_than_the_image_is_refused(border):
    with pytest.raises(ValueError, match="kernel of 3 x 9 is larger than the image of 8 x 8"):
        convolve(random(1, 1, 8, 8), random(3, 9), border=border)


@pytest.mark.parametrize(
    "kernel", [torch.ones(3), torch.ones(2, 2, dtype=torch.int64), torch.full((1, 1), torch.nan), 3.0]
)
def test_what_is_no_kernel_is_refused(kernel):
    with pytest.raises(ValueError, match="kernel must be a finite float tensor"):
        convolve(random(1, 1, 8, 8), kernel)


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match="border must be one of"):
        convolve(random(1, 1, 8, 8), random(3, 3), border="mirror")
    with pytest.raises(ValueError, match="2 channels"):
        convolve(random(1, 3, 8, 8), random(2, 3, 3))
