"""Blur kernels against SciPy and closed forms."""

import numpy as np
import pytest
import scipy.integrate
import scipy.ndimage
import torch

from deeprestore_lab.signal.kernels import disk_kernel, gaussian_kernel, motion_kernel


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.3])
def test_gaussian_is_scipys_response_to_a_point(sigma):
    kernel = gaussian_kernel(sigma, dtype=torch.float64)
    point = np.zeros(kernel.shape)
    point[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
    np.testing.assert_allclose(kernel, scipy.ndimage.gaussian_filter(point, sigma, mode="constant"), atol=1e-15)


def test_gaussian_of_a_chosen_size_sums_to_one():
    kernel = gaussian_kernel(3.0, size=5, dtype=torch.float64)
    assert kernel.shape == (5, 5)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("radius", [0.7, 1.5, 3.2])
def test_disk_columns_hold_the_area_of_the_circle(radius):
    kernel = disk_kernel(radius, dtype=torch.float64)
    reach = kernel.shape[0] // 2
    for column in range(-reach, reach + 1):
        low, high = np.clip([column - 0.5, column + 0.5], -radius, radius)
        chord = scipy.integrate.quad(lambda x: 2 * np.sqrt(radius**2 - x**2), low, high)[0]
        share = chord / (np.pi * radius**2)
        # the grid of 32 x 32 points resolves the edge to 1/32 pixel over a column at most one chord long
        assert float(kernel[:, column + reach].sum()) == pytest.approx(share, abs=1 / (32 * radius))
    for symmetric in (kernel.flip(0), kernel.flip(1), kernel.T):
        torch.testing.assert_close(kernel, symmetric)


def test_a_small_disk_is_one_pixel():
    assert disk_kernel(0.4).tolist() == [[1.0]]


@pytest.mark.parametrize("length", [1.0, 2.0, 5.5])
def test_horizontal_motion_is_a_box_seen_by_linear_interpolation(length):
    kernel = motion_kernel(length, dtype=torch.float64)
    reach = kernel.shape[0] // 2
    for column in range(-reach, reach + 1):
        expected = scipy.integrate.quad(
            lambda s, c=column: max(1 - abs(c - s), 0) / length, -length / 2, length / 2, points=[0], limit=200
        )[0]
        assert float(kernel[reach, column + reach]) == pytest.approx(expected, abs=1e-4)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)
    assert float(kernel.sum() - kernel[reach].sum()) == pytest.approx(0, abs=1e-12)


def test_motion_turns_counter_clockwise():
    torch.testing.assert_close(motion_kernel(4.0, angle=90), motion_kernel(4.0).T)
    diagonal = motion_kernel(4.0, angle=45)
    assert diagonal[0, -2] > diagonal[0, 1]  # the top right is reached, the top left is not
    assert float(diagonal.sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("make", [gaussian_kernel, disk_kernel, motion_kernel])
@pytest.mark.parametrize("size", [0, -1.0, float("nan"), "wide"])
def test_a_size_that_is_none_is_refused(make, size):
    with pytest.raises(ValueError, match="above 0"):
        make(size)


def test_an_even_size_is_refused():
    with pytest.raises(ValueError, match="odd number of pixels, got 4"):
        gaussian_kernel(1.0, size=4)


@pytest.mark.parametrize("make", [gaussian_kernel, disk_kernel, motion_kernel])
def test_one_size_for_all_images(make):
    with pytest.raises(ValueError, match="one for all images"):
        make(torch.tensor([1.0, 2.0]))
