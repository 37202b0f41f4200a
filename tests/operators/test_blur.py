"""Blur against SciPy, and which blurs have an exact solve."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from deeprestore_lab.operators import Blur, Crop, as_matrix
from deeprestore_lab.signal.convolution import BORDERS, gaussian_kernel

SCIPY_MODE = {"circular": "wrap", "reflect": "reflect", "replicate": "nearest", "zero": "constant"}


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(3, 5), (4, 2), (1, 1), (7, 8)])
def test_blur_is_scipys(border, size):
    x, kernel = torch.rand(2, 3, 7, 8, dtype=torch.float64), torch.rand(size, dtype=torch.float64)
    expected = scipy.ndimage.convolve(x.numpy(), kernel.numpy()[None, None], mode=SCIPY_MODE[border])
    np.testing.assert_allclose(Blur(kernel, border=border)(x), expected, atol=1e-12)


def test_only_circular_and_symmetric_reflecting_blurs_are_diagonal():
    symmetric, skewed, even = gaussian_kernel(1.0, size=5), torch.tensor([[0.2, 0.5, 0.3]]), torch.ones(2, 2)
    assert [Blur(k).diagonal_basis for k in (symmetric, skewed, even)] == ["fft"] * 3
    assert [Blur(k, border="reflect").diagonal_basis for k in (symmetric, skewed, even)] == ["dct", None, None]
    assert not Blur(symmetric, border="replicate").has_solve
    assert not Blur(symmetric, border="zero").has_solve


def test_a_cropped_blur_does_not_depend_on_the_border():
    x, kernel = torch.rand(1, 1, 12, 12, dtype=torch.float64), torch.rand(5, 5, dtype=torch.float64)
    seen = [(Crop(2) @ Blur(kernel, border=border))(x) for border in BORDERS]
    for other in seen[1:]:
        torch.testing.assert_close(other, seen[0])


def test_the_same_operator_serves_several_sizes_and_precisions():
    blur = Blur(gaussian_kernel(1.0))
    for size, dtype in [((16, 16), torch.float32), ((16, 17), torch.float32), ((16, 16), torch.float64)]:
        x = torch.full((1, 1, *size), 0.25, dtype=dtype)
        torch.testing.assert_close(blur(x), x, atol=1e-6, rtol=0)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="kernel must be"):
        Blur(torch.ones(3))
    with pytest.raises(ValueError, match="border must be one of"):
        Blur(torch.ones(3, 3), border="mirror")
    with pytest.raises(ValueError, match="larger than the image"):
        Blur(torch.ones(5, 5))(torch.rand(1, 1, 4, 8))
    with pytest.raises(ValueError, match="kernel of 2 channels does not fit"):
        Blur(torch.ones(2, 3, 3))(torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize("border", ["replicate", "zero", "reflect"])
@pytest.mark.parametrize("shift", [0, 2])
def test_the_norm_is_at_least_the_largest_singular_value(border, shift):
    """Where A is not diagonal: a kernel with its weight at one side piles pixels up at a border that repeats them."""
    kernel = torch.zeros(5, 5, dtype=torch.float64)
    kernel[shift, shift], kernel[-1, -1] = 0.75, 0.25
    blur = Blur(kernel, border=border)
    assert blur.diagonal_basis is None
    x = torch.zeros(1, 1, 7, 6, dtype=torch.float64)
    largest = float(torch.linalg.matrix_norm(as_matrix(blur, (1, 7, 6)), 2))
    assert largest <= blur.norm(x) <= 2.5 * largest


def test_a_blur_gives_images_up_to_kernels_whose_sizes_sum_to_two():
    """A difference (1 and -1) keeps the units of images; above, values are no longer looked at as an image's."""
    assert Blur(torch.tensor([[1.0, -1.0]])).image_units
    assert not Blur(torch.tensor([[1.1, -1.0]])).image_units
    assert not Blur(torch.full((2, 1, 3), 0.8)).image_units
