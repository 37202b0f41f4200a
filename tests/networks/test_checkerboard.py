"""The checkerboard against torch's transposed convolution, the Fourier transform, and random weights' closed form."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv_transpose2d

from deeprestore_lab.networks import overlap_counts, stride_energy


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (5, 2), (3, 3), (4, 3), (5, 3), (6, 3), (2, 3)])
def test_counts_are_what_a_transposed_convolution_of_ones_gives_inside(kernel, stride):
    out = conv_transpose2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, kernel, kernel), stride=stride)[0, 0]
    start = 3 * stride  # far from both borders
    inside = out[start : start + stride, start : start + stride]
    torch.testing.assert_close(inside, overlap_counts(kernel=kernel, stride=stride).float())


@pytest.mark.parametrize("stride", [2, 3])
def test_energy_is_that_of_the_fourier_transform_at_the_strides_frequencies(stride):
    x = torch.rand(2, 3, 12, 18, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    power = torch.fft.fft2(x).abs().square() / (12 * 18) ** 2
    picked = power[..., :: 12 // stride, :: 18 // stride].sum((2, 3)) - power[..., 0, 0]
    torch.testing.assert_close(stride_energy(x, stride=stride), picked.mean(1))


def test_a_side_that_is_no_multiple_is_cut():
    x = torch.rand(1, 1, 9, 7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(stride_energy(x), stride_energy(x[..., :8, :6]))


def test_nothing_but_the_phase_counts():
    wave = torch.arange(12.0).mul(2 * torch.pi / 6).cos().expand(1, 1, 12, 12)  # period 6: not a frequency of stride 2
    assert stride_energy(wave).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("bad", [{"kernel": 0, "stride": 2}, {"kernel": 3, "stride": 0}, {"kernel": 2.5, "stride": 2}])
def test_counts_refuse_sizes_that_are_none(bad):
    with pytest.raises(ValueError, match="must be a whole number"):
        overlap_counts(**bad)


@pytest.mark.parametrize("stride", [1, 9])
def test_energy_refuses_a_stride_that_does_not_fit(stride):
    with pytest.raises(ValueError, match="stride must be"):
        stride_energy(torch.zeros(1, 1, 8, 8), stride=stride)


@pytest.mark.parametrize("kernel", [3, 4])
def test_three_quarters_of_the_energy_for_random_weights_without_mean(kernel):
    # Phases hold disjoint weights, so their sums are independent with mean zero: the mean of the four has a quarter.
    weight = torch.randn(1, 4000, kernel, kernel, generator=torch.Generator().manual_seed(2))
    out = conv_transpose2d(torch.ones(1, 1, 8, 8), weight, stride=2)[..., 6:10, 6:10].transpose(0, 1)
    share = stride_energy(out).mean() / out.square().mean()
    assert share.item() == pytest.approx(0.75, abs=0.02)
