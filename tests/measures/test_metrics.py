"""PSNR, SSIM and its components against scikit-image and closed forms; the error pictures by their definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from deeprestore_lab.measures import metrics


def images(n=2, c=3, h=20, w=24, seed=0, dtype=torch.float64):
    return torch.rand(n, c, h, w, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def smooth_pair(dtype=torch.float64):
    """Pictures with structure in common, as restorations have: a wave, and the wave with noise."""
    waves = torch.sin(torch.arange(24, dtype=torch.float64) / 3).expand(2, 3, 20, 24) / 3 + 0.5
    return (waves + 0.1 * (images(seed=1) - 0.5)).to(dtype), waves.to(dtype)


def test_psnr_of_a_known_error():
    reference = images()
    noisy = reference + torch.tensor([0.1, 0.01], dtype=torch.float64).view(2, 1, 1, 1)
    torch.testing.assert_close(metrics.psnr(noisy, reference), torch.tensor([20.0, 40.0], dtype=torch.float64))


@pytest.mark.parametrize("border", [0, 3])
@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_psnr_is_scikit_images(border, data_range):
    x, reference = images(seed=1) * data_range, images(seed=2) * data_range
    inner = (slice(None), slice(border, 20 - border), slice(border, 24 - border))
    expected = [
        peak_signal_noise_ratio(b[inner].numpy(), a[inner].numpy(), data_range=data_range)
        for a, b in zip(x, reference, strict=True)
    ]
    got = metrics.psnr(x, reference, data_range=data_range, border=border)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_psnr_of_equal_images_is_infinite():
    assert metrics.psnr(images(), images()).tolist() == [math.inf, math.inf]


def test_a_nan_stays_with_its_image():
    x = images(seed=1)
    x[1, 0, 0, 0] = math.nan
    for metric in (metrics.psnr, metrics.ssim):
        assert metric(x, images()).isnan().tolist() == [False, True]


@given(seed=st.integers(0, 100), shift=st.floats(-1, 1), order=st.permutations(range(4)))
@settings(max_examples=20, deadline=None)
def test_psnr_laws(seed, shift, order):
    x, reference = images(4, seed=seed), images(4, seed=seed + 1)
    value = metrics.psnr(x, reference)
    torch.testing.assert_close(metrics.psnr(reference, x), value)
    torch.testing.assert_close(metrics.psnr(x + shift, reference + shift), value)
    torch.testing.assert_close(metrics.psnr(x[list(order)], reference[list(order)]), value[list(order)])
    closer = reference + (x - reference) / 10  # a tenth of the error: 20 dB more
    torch.testing.assert_close(metrics.psnr(closer, reference), value + 20)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_scikit_images_on_each_channel(channels):
    x, reference = (batch[:, :channels] for batch in smooth_pair())
    expected = [
        np.mean(
            [
                structural_similarity(
                    a.numpy(), b.numpy(), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0
                )
                for a, b in zip(ours, theirs, strict=True)
            ]
        )
        for ours, theirs in zip(x, reference, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(x, reference), expected, rtol=1e-12)


def test_components_multiply_to_ssim():
    for x, reference in (smooth_pair(), (images(seed=1), images(seed=2))):
        parts = metrics.ssim_components(x, reference)
        assert {name: tuple(each.shape) for name, each in parts.items()} == dict.fromkeys(
            ("luminance", "contrast", "structure"), (2, 3, 10, 14)
        )
        product = parts["luminance"] * parts["contrast"] * parts["structure"]
        torch.testing.assert_close(product.mean((1, 2, 3)), metrics.ssim(x, reference))


def test_each_component_sees_its_own_change():
    _, reference = smooth_pair()
    centred = reference - reference.mean()
    changes = {"luminance": reference + 0.3, "contrast": 0.5 * centred + reference.mean(), "structure": 1 - reference}
    for name, changed in changes.items():
        parts = {key: each.mean().item() for key, each in metrics.ssim_components(changed, reference).items()}
        assert min(parts, key=parts.get) == name
        assert parts[name] < 0.9
    brighter = metrics.ssim_components(changes["luminance"], reference)
    torch.testing.assert_close(brighter["structure"], torch.ones_like(brighter["structure"]))
    torch.testing.assert_close(brighter["contrast"], torch.ones_like(brighter["contrast"]))


def test_contrast_of_flat_regions_by_hand():
    x, reference = torch.full((1, 1, 11, 11), 0.25).double(), torch.full((1, 1, 11, 11), 0.75).double()
    parts = metrics.ssim_components(x, reference)
    luminance = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert parts["luminance"].item() == pytest.approx(luminance, rel=1e-12)
    assert parts["contrast"].item() == pytest.approx(1) and parts["structure"].item() == pytest.approx(1)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_one_reference_serves_a_batch(metric):
    x, reference = smooth_pair()
    alone = torch.cat([metric(each[None], reference[:1]) for each in x])
    torch.testing.assert_close(metric(x, reference[:1]), alone)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_precision_and_memory_layout_do_not_matter(metric):
    x, reference = smooth_pair()
    value = metric(x, reference)
    strided = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert not strided.is_contiguous()
    torch.testing.assert_close(metric(strided, reference), value)
    single = metric(x.float(), reference.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), value, rtol=1e-5, atol=0)
    assert metric(x.requires_grad_(), reference).shape == (2,)


def test_the_border_is_left_out_of_ssim():
    x, reference = smooth_pair()
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(metrics.ssim(x, reference, border=2), metrics.ssim(x[inner], reference[inner]))


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.ssim_components])
def test_bad_arguments_are_named(metric):
    x = images()
    with pytest.raises(ValueError, match="same shape.*\\(2, 3, 20, 24\\) and \\(2, 1, 20, 24\\)"):
        metric(x, images(c=1))
    with pytest.raises(ValueError, match="same shape"):
        metric(images(1), images(2))
    with pytest.raises(ValueError, match="data_range must be"):
        metric(x, x + 0.1, data_range=0)
    with pytest.raises(ValueError, match="border must be"):
        metric(x, x, border=10)
    with pytest.raises(ValueError, match="border must be"):
        metric(x, x, border=True)
    with pytest.raises(ValueError, match="reference must be a float tensor"):
        metric(x, x.numpy())


def test_ssim_refuses_images_smaller_than_its_window():
    with pytest.raises(ValueError, match="11 x 11 pixels or more"):
        metrics.ssim(images(h=10), images(h=10))


def test_signed_error_is_around_grey():
    reference = images()
    error = torch.zeros_like(reference)
    error[0, 0, 0, 0], error[0, 1, 0, 0], error[1, 2, 3, 3] = 0.2, -0.1, -0.4
    picture, scale = metrics.signed_error(reference + error, reference)
    torch.testing.assert_close(scale, torch.tensor([0.2, 0.4], dtype=torch.float64))
    assert picture[0, 0, 0, 0].item() == pytest.approx(1.0)
    assert picture[0, 1, 0, 0].item() == pytest.approx(0.25)
    assert picture[1, 2, 3, 3].item() == pytest.approx(0.0)
    torch.testing.assert_close((2 * picture - 1) * scale.view(2, 1, 1, 1), error)


def test_error_pictures_share_a_scale_when_told():
    x, reference = images(seed=1), images(seed=2)
    picture, scale = metrics.signed_error(x, reference, scale=0.1)
    assert scale.tolist() == [0.1, 0.1]
    assert picture.min() >= 0 and picture.max() == 1
    with pytest.raises(ValueError, match="scale must be"):
        metrics.signed_error(x, reference, scale=-1)
    with pytest.raises(ValueError, match="finite"):
        metrics.signed_error(x / 0, reference)


def test_equal_images_have_a_grey_signed_error():
    picture, scale = metrics.signed_error(images(), images())
    assert (picture == 0.5).all() and scale.tolist() == [0, 0]


@pytest.mark.parametrize("metric", [metrics.ssim, metrics.ssim_components])
@pytest.mark.parametrize("size", [(10, 40), (40, 10), (1, 1)])
def test_a_picture_smaller_than_the_window_is_named_and_no_border_blamed(metric, size):
    x = images(1, 1, *size)
    with pytest.raises(
        ValueError, match=rf"x must have 11 x 11 pixels or more.*got images of {size[0]} x {size[1]}"
    ) as caught:
        metric(x, x)
    assert "border" not in str(caught.value)
    with pytest.raises(ValueError, match="border must be"):  # here it is the border
        metric(images(1, 1, 12, 12), images(1, 1, 12, 12), border=1)
