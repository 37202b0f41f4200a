"""What students give by mistake is refused by name: NumPy's pictures, (H, W, 3), bytes, values up to 255, text."""

from itertools import product

import numpy as np
import pytest
import torch

import deeprestore_lab as drl
from deeprestore_lab import baselines, energies, operators, priors
from deeprestore_lab.course import figures
from deeprestore_lab.images import corruptions
from deeprestore_lab.measures import metrics, weight_choice
from deeprestore_lab.operators import frames
from deeprestore_lab.parametrisations import Pixels

X = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
Y = X + 0.05 * torch.randn(X.shape, generator=torch.Generator().manual_seed(1))
IDENTITY = operators.Identity()
FIELD = priors.StationaryField.power_law((16, 16), channels=3)
ESTIMATOR = priors.QuadraticEstimator(IDENTITY, FIELD, sigma=0.1)
KNOWN = torch.ones(1, 1, 16, 16)

PICTURES = {
    "likelihood": lambda v: energies.GaussianLikelihood(IDENTITY, v, sigma=0.1),
    "posterior": lambda v: FIELD.posterior(IDENTITY, v, sigma=0.1),
    "estimate": lambda v: ESTIMATOR.estimate(v, 1.0),
    "Stein's estimate": lambda v: ESTIMATOR.sure(v, 1.0),
    "best weight": lambda v: ESTIMATOR.best_weight_for(v, Y),
    "start": Pixels,
    "PSNR": lambda v: metrics.psnr(v, X),
    "PSNR, reference": lambda v: metrics.psnr(X, v),
    "SSIM": lambda v: metrics.ssim(v, X),
    "parts of SSIM": lambda v: metrics.ssim_components(X, v),
    "figure": lambda v: figures.show({"a": v}, alt="noise", see="noise"),
    "figure, reference": lambda v: figures.show({"a": X}, alt="noise", see="noise", reference=v),
    "damage": lambda v: corruptions.corrupt(v, "gaussian", seed=0),
    "Gaussian filter": lambda v: baselines.gaussian_filter(v, 1.0),
    "median": lambda v: baselines.median_filter(v, 3),
    "total variation": lambda v: baselines.total_variation(v, 0.1),
    "frame": lambda v: baselines.thresholded_frame(v, 0.2),
    "threshold": lambda v: frames.threshold_denoise(v, sigma=0.1),
    "tuning": lambda v: baselines.tune("median", v, X),
    "tuning, truth": lambda v: baselines.tune("median", Y, v),
    "filling": lambda v: baselines.fill(v, KNOWN, steps=1),
    "roots": lambda v: baselines.stabilised_frame(v, 2.5, peak=30.0),
    "linear filter": lambda v: baselines.fit_linear_filter(v, X, size=3),
    "discrepancy": lambda v: weight_choice.discrepancy(IDENTITY, v, Y, sigma=0.1),
    "discrepancy, measurement": lambda v: weight_choice.discrepancy(IDENTITY, X, v, sigma=0.1),
}
WRONG = {
    "a NumPy image": X.numpy(),
    "(H, W, 3)": X[0].permute(1, 2, 0).contiguous(),
    "bytes": (255 * X).to(torch.uint8),
    "values up to 255": 255 * X,
    "noisy values up to 255": 255 * Y,
    "a file's name": "photo.png",
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("what", PICTURES)
def test_no_other_picture_is_taken(what, wrong):
    with pytest.raises(ValueError, match=r"\w+ .*\w+") as caught:
        PICTURES[what](WRONG[wrong])
    if "255" in wrong and (what, wrong) != ("roots", "noisy values up to 255"):  # refused for what is below zero
        assert "255" in str(caught.value)


@pytest.mark.parametrize("what", PICTURES)
def test_a_picture_that_leaves_the_range_a_little_is_taken(what):
    x = X.clone()
    x[..., 0, 0], x[..., 1, 1] = 1.4, 0.0
    PICTURES[what](x if what == "roots" else x - 0.02)


LEVELS = {
    "posterior": lambda s: FIELD.posterior(IDENTITY, Y, sigma=s),
    "estimator": lambda s: priors.QuadraticEstimator(IDENTITY, FIELD, sigma=s),
    "calibrated": lambda s: priors.TotalVariation().calibrated(s),
    "noise": lambda s: drl.images.gaussian_noise(X, sigma=s, seed=0),
    "damage": lambda s: corruptions.corrupt(X, "gaussian", seed=0, level=s),
    "blocks": lambda s: corruptions.corrupt(X, "blocks", seed=0, level=s),
    "pepper": lambda s: corruptions.corrupt(X, "salt_and_pepper", seed=0, level=s),
    "threshold": lambda s: frames.threshold_denoise(Y, sigma=s),
    "input noise": lambda s: drl.minimise(
        energies.GaussianLikelihood(IDENTITY, X, sigma=0.1), Pixels(X), input_noise=s
    ),
    "discrepancy": lambda s: weight_choice.discrepancy(IDENTITY, X, Y, sigma=s),
    "mean": lambda s: priors.Tikhonov("identity", mean=s),
    "bounds": lambda s: Pixels(X, bounds=(0, s)),
}


RIGHT = [("mean", -1), ("damage", None), ("blocks", None), ("pepper", None)]


@pytest.mark.parametrize(
    ("what", "level"),
    [pair for pair in product(LEVELS, [25, -1, float("nan"), "25", None]) if pair not in RIGHT],
)
def test_levels_are_numbers_in_the_units_of_the_images(what, level):
    with pytest.raises(ValueError, match=r"\w+ .*\w+"):
        LEVELS[what](level)


def test_what_lies_far_outside_is_measured_and_shown_where_it_is_no_picture_of_bytes():
    """The noise that an inverse filter amplifies has values on both sides of zero."""
    wild = X + 200 * torch.randn(X.shape, generator=torch.Generator().manual_seed(2))
    expected = -10 * np.log10((wild - X).double().square().mean().item())
    assert metrics.psnr(wild, X).item() == pytest.approx(expected, rel=1e-5)
    figures.show({"amplified": wild}, alt="noise", see="noise")


def test_bytes_are_measured_with_their_own_range():
    expected = metrics.psnr(X, Y)
    torch.testing.assert_close(metrics.psnr(255 * X, 255 * Y, data_range=255.0), expected)
    with pytest.raises(ValueError, match="leave data_range out"):
        metrics.psnr(X, X.clamp(0, 0.9), data_range=255.0)
