"""Baselines that know the damage, against masks that are known, a ramp in closed form, and the moments of counts."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.baselines import fill, stabilised_frame, thresholded_frame, unlike
from deeprestore_lab.images import knock_out_blocks, photographs, poisson, salt_and_pepper
from deeprestore_lab.measures.metrics import psnr

X = photographs(["coffee", "rocket"], size=32).clamp(0.02, 0.98)  # nothing is exactly black or white


def test_extreme_pixels_are_the_ones_that_were_hit():
    y, known = salt_and_pepper(X, amount=0.2, seed=0)
    assert torch.equal(unlike(y, (0, 1)), known)
    y, known = knock_out_blocks(X, size=4, count=6, seed=0)
    assert torch.equal(unlike(y, (0,)), known)


def test_one_black_channel_is_no_mark():
    y = torch.tensor([0.0, 0.5, 0.0]).reshape(1, 3, 1, 1)
    assert unlike(y, (0, 1)).item() == 1 and unlike(0 * y, (0, 1)).item() == 0


def test_known_pixels_stay_and_lost_ones_come_from_around_them():
    known = torch.ones(1, 1, 16, 16, dtype=torch.float64)
    known[..., 6:9, 6:9] = 0
    for edge in range(2, 14):  # a step: total variation keeps values between those around the hole
        x = (torch.arange(16.0, dtype=torch.float64) >= edge).double().expand(1, 1, 16, 16)
        filled = fill(known * x, known)
        assert torch.equal(filled[known > 0], x[known > 0])
        assert -1e-3 < filled.min() and filled.max() < 1 + 1e-3
        if edge <= 5 or edge >= 10:  # the hole lies in one flat part
            torch.testing.assert_close(filled, x, rtol=0, atol=5e-3)


def test_what_stands_in_lost_pixels_does_not_matter():
    y, known = knock_out_blocks(X, size=4, count=4, seed=1)
    torch.testing.assert_close(fill(y, known), fill(y + (1 - known) * 0.7, known), rtol=0, atol=0)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"known must be \(2, 1, 32, 32\)"):
        fill(X, torch.ones(1, 1, 32, 32))


def test_a_flat_picture_keeps_its_mean_through_the_square_root():
    flat = torch.full((1, 1, 128, 128), 0.4)
    out = stabilised_frame(poisson(flat, peak=30.0, seed=0), 3.0, peak=30.0)
    standard_error = (0.4 / 30 / 128**2) ** 0.5
    assert abs(float(out.mean()) - 0.4) < 5 * standard_error
    assert float(out.var()) < 0.1 * 0.4 / 30


def test_counts_are_denoised_better_under_the_root_than_without_it():
    x = photographs(["coffee", "rocket"], size=64)
    y = poisson(x, peak=30.0, seed=1)
    plain = max(float(psnr(thresholded_frame(y, t), x).mean()) for t in (0.25, 0.32, 0.38, 0.45))
    assert float(psnr(stabilised_frame(y, 2.7, peak=30.0), x).mean()) > plain


def test_a_peak_and_counts_that_are_none_are_refused():
    with pytest.raises(ValueError, match="peak must be"):
        stabilised_frame(X, 2.7, peak=0.0)
    with pytest.raises(ValueError, match="y .counts divided by the peak. must be finite and at least 0"):
        stabilised_frame(X - 1, 2.7, peak=30.0)


def test_what_an_fft_leaves_below_zero_counts_as_zero():
    y = torch.zeros(1, 1, 16, 16)
    y[..., :8] = 1.0
    torch.testing.assert_close(
        stabilised_frame(y - 1e-7, 2.7, peak=30.0), stabilised_frame(y, 2.7, peak=30.0), rtol=0, atol=1e-5
    )
