"""Our conventions beside those of other libraries: each difference is a factor, and each factor is tested here.

The conventions page of the book prints these factors. Total variation is at the end.
"""

import math

import numpy as np
import pytest
import torch
from skimage import metrics as skimage_metrics
from skimage.restoration import denoise_tv_chambolle

from deeprestore_lab import images
from deeprestore_lab.measures import metrics
from deeprestore_lab.priors.tikhonov import Tikhonov
from deeprestore_lab.priors.total_variation import TotalVariation, total_variation

torchmetrics = pytest.importorskip("torchmetrics.functional.image")


@pytest.fixture(scope="module")
def pair():
    """Two photographs and noisy copies of them, in float64."""
    x = images.photographs(("astronaut", "chelsea"), size=48).double()
    return x + images.gaussian_noise(x, sigma=20 / 255, seed=0), x


def test_psnr_is_torchmetrics_per_image(pair):
    noisy, x = pair
    theirs = torchmetrics.peak_signal_noise_ratio(noisy, x, data_range=1.0, reduction="none", dim=(1, 2, 3))
    torch.testing.assert_close(metrics.psnr(noisy, x), theirs)


def test_psnr_is_scikit_images(pair):
    noisy, x = (batch.numpy() for batch in pair)
    theirs = [skimage_metrics.peak_signal_noise_ratio(b, a, data_range=1.0) for a, b in zip(noisy, x, strict=True)]
    np.testing.assert_allclose(metrics.psnr(*pair), theirs, rtol=1e-12)


def test_psnr_is_deepinvs_but_for_its_ceiling(pair):
    """deepinv adds 1e-8 to the squared error: equal images have 80 dB there, infinity here."""
    deepinv = pytest.importorskip("deepinv")
    theirs = deepinv.metric.PSNR()(*pair)
    torch.testing.assert_close(-10 * torch.log10(10 ** (-metrics.psnr(*pair) / 10) + 1e-8), theirs)
    assert deepinv.metric.PSNR()(pair[1], pair[1]).tolist() == pytest.approx([80, 80])


def test_psnr_of_a_batch_is_not_the_psnr_of_its_pixels_together(pair):
    """torchmetrics' default pools the squared errors of all images: never above the mean of ours (Jensen)."""
    noisy, x = pair
    noisy = torch.stack([noisy[0], x[1] + 0.2 * (noisy[1] - x[1])])
    pooled = torchmetrics.peak_signal_noise_ratio(noisy, x, data_range=1.0)
    errors = (noisy - x).square().mean((1, 2, 3))
    torch.testing.assert_close(pooled, 10 * torch.log10(1 / errors.mean()))
    assert pooled < metrics.psnr(noisy, x).mean() - 1


def test_a_data_range_of_two_adds_six_decibels(pair):
    """scikit-image's default for floats is the range of the type, [-1, 1]: 20 log10(2) dB more than ours."""
    noisy, x = (batch.clamp(0, 1) for batch in pair)
    with_default = skimage_metrics.peak_signal_noise_ratio((2 * x[0] - 1).numpy(), (2 * noisy[0] - 1).numpy())
    ours = metrics.psnr(2 * noisy - 1, 2 * x - 1)[0]
    assert with_default == pytest.approx(float(ours) + 20 * math.log10(2), rel=1e-12)
    torch.testing.assert_close(metrics.psnr(2 * noisy - 1, 2 * x - 1, data_range=2.0), metrics.psnr(noisy, x))


def test_ssim_is_scikit_images_with_wang_settings(pair):
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    theirs = [
        skimage_metrics.structural_similarity(a.numpy(), b.numpy(), channel_axis=0, **settings)
        for a, b in zip(*pair, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(*pair), theirs, rtol=1e-12)


def test_ssim_is_torchmetrics_away_from_the_border(pair):
    """The maps are equal where the window fits whole; torchmetrics also averages windows that leave the image."""
    theirs, full = torchmetrics.structural_similarity_index_measure(
        *pair, data_range=1.0, reduction="none", return_full_image=True
    )
    parts = metrics.ssim_components(*pair)
    ours = parts["luminance"] * parts["contrast"] * parts["structure"]
    torch.testing.assert_close(ours, full[..., 5:-5, 5:-5], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(metrics.ssim(*pair), full[..., 5:-5, 5:-5].mean((1, 2, 3)))


def test_torchmetrics_and_deepinvs_ssim_is_ours_of_mirrored_images(pair):
    """Mirrored by five pixels on each side, our number is theirs."""
    mirrored = [torch.nn.functional.pad(batch, (5, 5, 5, 5), mode="reflect") for batch in pair]
    theirs = torchmetrics.structural_similarity_index_measure(*pair, data_range=1.0, reduction="none")
    torch.testing.assert_close(metrics.ssim(*mirrored), theirs)
    deepinv = pytest.importorskip("deepinv")
    torch.testing.assert_close(metrics.ssim(*mirrored), deepinv.metric.SSIM()(*pair))


def test_scikit_images_default_ssim_is_another_number(pair):
    """Its default is a flat window of 7 x 7 with unbiased variances: no factor leads from one to the other."""
    noisy, x = pair
    default = skimage_metrics.structural_similarity(noisy[0].numpy(), x[0].numpy(), data_range=1.0, channel_axis=0)
    assert abs(default - float(metrics.ssim(noisy, x)[0])) > 1e-3


def test_luma_shrinks_errors_of_grey_by_219_over_255(pair):
    """An error that is equal in the three channels is 219/255 as large in studio-range Y: 1.32 dB more PSNR."""
    _, x = pair
    noise = images.gaussian_noise(x[:, :1], sigma=0.05, seed=1)
    gain = metrics.psnr(images.luma(x + noise), images.luma(x)) - metrics.psnr(x + noise, x)
    torch.testing.assert_close(gain, torch.full_like(gain, 20 * math.log10(255 / 219)))


def test_total_variation_is_deepinvs_per_channel(pair):
    deepinv = pytest.importorskip("deepinv")
    theirs = deepinv.optim.TVPrior().fn(pair[0])
    torch.testing.assert_close(total_variation(pair[0], kind="isotropic", colour="channel"), theirs)


def test_total_variation_is_torchmetrics_when_anisotropic_per_channel(pair):
    theirs = torchmetrics.total_variation(pair[0], reduction="none")
    torch.testing.assert_close(total_variation(pair[0], kind="anisotropic", colour="channel"), theirs)


def test_bounds_between_the_meanings_of_total_variation(pair):
    """isotropic <= anisotropic <= sqrt(2) isotropic, joint <= per channel <= sqrt(3) joint: bounds, no factor."""
    joint, channel = (total_variation(pair[0], colour=colour) for colour in ("joint", "channel"))
    anisotropic = total_variation(pair[0], kind="anisotropic", colour="channel")
    assert (joint < channel).all() and (channel < math.sqrt(3) * joint).all()
    assert (channel < anisotropic).all() and (anisotropic < math.sqrt(2) * channel).all()
    grey = pair[1].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(total_variation(grey, colour="channel"), math.sqrt(3) * total_variation(grey))


def denoising_objective(x, v, weight):
    """1/2 ||x - v||^2 + weight * TV(x), the problem of our proximal step."""
    return (x - v).square().sum((1, 2, 3)) / 2 + weight * total_variation(x, colour="channel")


def test_scikit_images_weight_is_our_step(pair):
    """`denoise_tv_chambolle(weight=w)` solves 1/2 ||x - v||^2 + w TV(x), per channel: the factor is 1."""
    v, weight = pair[0][..., :16, :16], 0.1
    options = {"weight": weight, "eps": 1e-12, "max_num_iter": 10000, "channel_axis": 0}
    theirs = torch.stack([torch.from_numpy(denoise_tv_chambolle(each.numpy(), **options)) for each in v])
    ours = TotalVariation(colour="channel", gap=1e-7, steps=5000).prox(v, weight)
    best = denoising_objective(ours, v, weight)
    assert (denoising_objective(theirs, v, weight) < best * (1 + 1e-5)).all()
    for factor in (0.9, 1.1):  # another factor would be seen
        other = TotalVariation(colour="channel", gap=1e-7, steps=5000).prox(v, factor * weight)
        assert (denoising_objective(other, v, weight) > best * (1 + 1e-4)).all()


def test_deepinvs_threshold_is_our_step(pair):
    """deepinv's TV denoiser with `ths=w` solves the same problem: the factor is 1."""
    deepinv = pytest.importorskip("deepinv")
    v, weight = pair[0][..., :16, :16], 0.1
    theirs = deepinv.models.TVDenoiser(crit=1e-10, n_it_max=2000)(v, ths=weight)
    best = denoising_objective(TotalVariation(colour="channel", gap=1e-7, steps=5000).prox(v, weight), v, weight)
    assert (denoising_objective(theirs, v, weight) < best * (1 + 1e-5)).all()


def test_mahendran_and_vedaldis_variation_is_twice_our_tikhonov(pair):
    """Their equation 4 with beta = 2: the sum of squared differences, where ours takes half."""
    x = pair[0]
    down, right = x[:, :, 1:] - x[:, :, :-1], x[..., 1:] - x[..., :-1]
    theirs = down.square().sum((1, 2, 3)) + right.square().sum((1, 2, 3))
    torch.testing.assert_close(theirs, 2 * Tikhonov("gradient")(x))


def test_psnr_on_luma_without_its_border_is_scikit_images(pair):
    """Super-resolution by 4: Y of both pictures, four pixels left out on each side."""
    noisy, x = (images.luma(batch) for batch in pair)
    inside = (..., slice(4, -4), slice(4, -4))
    theirs = [
        skimage_metrics.peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1.0)
        for a, b in zip(x[inside], noisy[inside], strict=True)
    ]
    np.testing.assert_allclose(metrics.psnr(noisy, x, border=4), theirs, rtol=1e-10)
