"""The baselines against SciPy and scikit-image, and their tuning against trying every value."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage
from skimage.restoration import denoise_tv_chambolle

from deeprestore_lab.baselines import METHODS, gaussian_filter, median_filter, total_variation, tune
from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.images import gaussian_noise, photographs
from deeprestore_lab.images.corruptions import CORRUPTIONS
from deeprestore_lab.measures.metrics import psnr

X = photographs(["coffee", "rocket"], size=48)
Y = X + gaussian_noise(X, sigma=0.1, seed=0)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_median_is_scipys(size):
    expected = ndimage.median_filter(Y.numpy(), size=(1, 1, size, size), mode="mirror")
    torch.testing.assert_close(median_filter(Y, size), torch.from_numpy(expected), rtol=0, atol=0)


def test_the_gaussian_filter_is_scipys_inside():
    expected = ndimage.gaussian_filter(Y.double().numpy(), sigma=(0, 0, 1.2, 1.2), mode="reflect", truncate=6)
    difference = gaussian_filter(Y.double(), 1.2) - torch.from_numpy(expected)
    assert difference.abs().max() < 2e-3  # kernels are cut at other radii


def test_total_variation_minimises_its_energy_as_far_as_scikit_image_does():
    grey = Y[:1, :1].double()
    theirs = torch.from_numpy(denoise_tv_chambolle(grey[0, 0].numpy(), weight=0.1, eps=1e-8, max_num_iter=2000))

    def energy(x):
        down = torch.zeros_like(x)
        right = torch.zeros_like(x)
        down[..., :-1, :] = x[..., 1:, :] - x[..., :-1, :]
        right[..., :-1] = x[..., 1:] - x[..., :-1]
        return float((x - grey).square().sum() / 2 + 0.1 * (down.square() + right.square()).sqrt().sum())

    assert energy(total_variation(grey, 0.1)) <= energy(theirs[None, None]) * 1.002


@pytest.mark.parametrize("name", list(METHODS))
def test_tuning_takes_the_value_with_the_best_mean_psnr(name):
    tuned, method = tune(name, Y, X), METHODS[name]
    assert tuple(tuned.tried) == method.values and tuned.value in method.values
    for score in tuned.tried.values():
        assert score <= tuned.psnr
    again = psnr(method.apply(Y, tuned.value), X).mean()
    assert tuned.psnr == pytest.approx(float(again), abs=1e-4)
    assert tuned.psnr > float(psnr(Y, X).mean()) + 2  # each helps against noise of 0.1


def test_a_median_of_even_size_is_refused():
    with pytest.raises(ValueError, match="odd"):
        median_filter(Y, 2)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(ValueError, match="name must be one of 'gaussian filter'"):
        tune("magic", Y, X)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_no_tuned_setting_of_the_record_stands_at_an_end_of_what_was_tried(kind):
    rows = load_record("denoisers")["baselines"][kind]
    for name, method in METHODS.items():
        low, *_, high = method.values
        assert low * 1.001 < rows[name]["setting"] < high * 0.999, name
