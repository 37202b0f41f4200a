"""Downsampling against torch's and Pillow's."""

import numpy as np
import pytest
import torch
from PIL import Image

from deeprestore_lab.operators import Downsample, downsampling_matrix
from deeprestore_lab.operators.downsample import BORDERS, KERNELS

PILLOW = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "average": Image.Resampling.BOX,
}


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bicubic_is_torchs_with_antialiasing(factor):
    x = torch.rand(2, 3, 12, 24, dtype=torch.float64)
    expected = torch.nn.functional.interpolate(x, scale_factor=1 / factor, mode="bicubic", antialias=True)
    torch.testing.assert_close(Downsample(factor)(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_each_kernel_is_pillows_in_single_precision(kernel, factor):
    x = torch.rand(1, 1, 24, 36)
    resized = Image.fromarray(x[0, 0].numpy()).resize((36 // factor, 24 // factor), PILLOW[kernel])
    np.testing.assert_allclose(Downsample(factor, kernel=kernel)(x)[0, 0], np.asarray(resized), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3])
def test_average_is_average_pooling(factor):
    x = torch.rand(2, 3, 12, 18, dtype=torch.float64)
    for border in BORDERS:
        down = Downsample(factor, kernel="average", border=border)
        torch.testing.assert_close(down(x), torch.nn.functional.avg_pool2d(x, factor))


@pytest.mark.parametrize("kernel", KERNELS)
def test_borders_differ_at_the_border_alone(kernel):
    clip, circular = (downsampling_matrix(48, 2, kernel=kernel, border=border) for border in BORDERS)
    torch.testing.assert_close(clip[3:-3], circular[3:-3])
    for matrix in (clip, circular):
        torch.testing.assert_close(matrix.sum(1), torch.ones(24, dtype=torch.float64))


@pytest.mark.parametrize("kernel", KERNELS)
def test_circular_downsampling_commutes_with_shifts(kernel):
    x, down = torch.rand(1, 1, 12, 12, dtype=torch.float64), Downsample(3, kernel=kernel, border="circular")
    torch.testing.assert_close(down(x.roll((3, 6), (-2, -1))), down(x).roll((1, 2), (-2, -1)))


def test_the_matrix_given_out_is_a_copy():
    before = downsampling_matrix(8, 2)
    downsampling_matrix(8, 2).zero_()
    assert torch.equal(downsampling_matrix(8, 2), before)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="image of 9 x 8 does not divide by the factor 2"):
        Downsample(2)(torch.rand(1, 1, 9, 8))
    with pytest.raises(ValueError, match="does not divide by the factor 3"):
        downsampling_matrix(8, 3)
    for factor in (1, 0, 2.0, True):
        with pytest.raises(ValueError, match="factor must be a whole number of at least 2"):
            Downsample(factor)
    with pytest.raises(ValueError, match="kernel must be one of"):
        Downsample(2, kernel="bilinear")
    with pytest.raises(ValueError, match="border must be one of"):
        Downsample(2, border="reflect")
