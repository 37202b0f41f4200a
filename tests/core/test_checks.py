"""What the checks accept, and what they say of what they refuse."""

import numpy as np
import pytest
import torch

from deeprestore_lab import backbones, images, minimise
from deeprestore_lab.core.checks import (
    check_images,
    check_level,
    check_pair,
    check_seed,
    check_units,
    check_whole,
    describe,
)
from deeprestore_lab.course.figures import prior_spread
from deeprestore_lab.course.figures.encoding import check_zoom
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood, RepresentationError
from deeprestore_lab.images.corruptions import corrupt
from deeprestore_lab.images.distortions import distort
from deeprestore_lab.measures.weight_choice import discrepancy, stein_risk
from deeprestore_lab.networks.encoder_decoder import EncoderDecoder
from deeprestore_lab.operators import Blur, Crop, Downsample, Gradient, Identity, Mask
from deeprestore_lab.operators.frames.bounds import power
from deeprestore_lab.parametrisations import Dictionary, Fourier, Latent, Network, Pixels
from deeprestore_lab.priors import Tikhonov, TotalVariation
from deeprestore_lab.signal.kernels import gaussian_kernel
from deeprestore_lab.training.backpropagation import MaxPooling

X = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_a_numpy_array_is_described_and_not_printed():
    array = np.zeros((1, 3, 40, 40))
    assert describe(array).startswith("a numpy array float64 of shape (1, 3, 40, 40)")
    for call in (
        lambda: check_images(array),
        lambda: minimise(TotalVariation(), array),
        lambda: GaussianLikelihood(Identity(), array, sigma=0.1),
    ):
        with pytest.raises(ValueError, match="torch.from_numpy") as error:
            call()
        assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind(value):
    whole = check_whole(value, name="n", least=3)
    assert whole == 3 and type(whole) is int


@pytest.mark.parametrize("value", [1.5, 3.0, "a", None, True, 2, np.float64(3)])
def test_other_numbers_are_named(value):
    with pytest.raises(ValueError, match="n must be a whole number of at least 3, got"):
        check_whole(value, name="n", least=3)


@pytest.mark.parametrize("seed", [-1, "a", 1.5, 2**64])
def test_seeds_that_torch_cannot_take(seed):
    y = torch.rand(1, 1, 4, 4)
    for call in (
        lambda: check_seed(seed),
        lambda: stein_risk(lambda v: v, y, sigma=0.1, seed=seed),
        lambda: minimise(TotalVariation(), y, seed=seed),
    ):
        with pytest.raises(ValueError, match="seed must be"):
            call()
    assert check_seed(np.int64(5)) == 5 and check_seed(2**64 - 1) == 2**64 - 1


def test_minimise_takes_numbers_of_numpy():
    y = torch.rand(1, 1, 8, 8)
    data = GaussianLikelihood(Identity(), y, sigma=0.1)
    own = {"steps": 3, "tolerance": float(np.float32(1e-3)), "lr": float(np.float32(0.02)), "jitter": 1, "seed": 4}
    numpy = {"steps": np.int64(3), "tolerance": np.float32(1e-3), "lr": np.float32(0.02), "jitter": np.int64(1)}
    plain = minimise(data, y / 2, solver="adam", progress=False, **own)
    other = minimise(data, y / 2, solver="adam", progress=False, seed=np.uint8(4), **numpy)
    assert torch.equal(plain.x, other.x) and int(other.steps) == 3


# every door that takes a whole number, called with one
WHOLE = {
    "check_pair": lambda n: check_pair(n, name="n"),
    "check_pair of two": lambda n: check_pair((n, n), name="n"),
    "a window": lambda n: MaxPooling(n).size,
    "zoom": check_zoom,
    "resize": lambda n: images.resize(X, n),
    "crop": lambda n: images.crop(X, (n, n)),
    "margin": lambda n: Crop(n).margin,
    "factor": lambda n: Downsample(n).factor,
    "text scale": lambda n: images.text_mask(X, scale=n),
    "kernel size": lambda n: gaussian_kernel(1.0, size=n),
    "power": lambda n: power(torch.ones(1, 2, 2), (n, n)),
    "seed": lambda n: images.gaussian_noise(X, sigma=0.1, seed=n),
    "count": lambda n: images.knock_out_blocks(X, size=2, count=n, seed=0)[0],
    "block size": lambda n: images.knock_out_blocks(X, size=n, count=2, seed=0)[0],
    "steps of a prox": lambda n: TotalVariation(steps=n).steps,
    "shape": lambda n: Dictionary((n, 1, 8, 8), weight=1.0).theta,
    "steps": lambda n: minimise(TotalVariation(), X, steps=n, progress=False).x,
}


@pytest.mark.parametrize("door", WHOLE)
def test_one_check_for_whole_numbers_everywhere(door):
    call = WHOLE[door]
    expected = call(3)
    for three in (np.int64(3), np.uint8(3), torch.tensor(3)):
        got = call(three)
        assert torch.equal(got, expected) if isinstance(got, torch.Tensor) else got == expected
    for other in (3.0, np.float64(3), "3", True, np.True_, torch.tensor(True), torch.tensor(3.0)):
        with pytest.raises(ValueError, match="whole number"):
            call(other)


@pytest.mark.parametrize("pair", [(1, 2, 3), (1,), (1, 2.0), "ab", None, (0, 1)])
def test_pairs_of_whole_numbers(pair):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1 or a pair of them"):
        check_pair(pair, name="n")
    assert check_pair([2, np.int64(5)], name="n") == (2, 5)


def test_limits_from_both_sides():
    assert check_whole(64, name="n", least=1, most=64) == 64
    with pytest.raises(ValueError, match="n must be a whole number from 1 to 64, got 65"):
        check_whole(65, name="n", least=1, most=64)


# doors of images
DOORS = {
    "check_images": check_images,
    "gaussian_noise": lambda x: images.gaussian_noise(x, sigma=0.1, seed=0),
    "poisson": lambda x: images.poisson(x, peak=30, seed=0),
    "salt_and_pepper": lambda x: images.salt_and_pepper(x, amount=0.1, seed=0),
    "knock_out_blocks": lambda x: images.knock_out_blocks(x, size=2, count=1, seed=0),
    "corrupt": lambda x: corrupt(x, "blocks", seed=0),
    "distort": lambda x: distort(x, "contrast", level=0.1),
    "resize": lambda x: images.resize(x, 8),
    "gaussian likelihood": lambda x: GaussianLikelihood(Identity(), x, sigma=0.1),
    "of a blur": lambda x: GaussianLikelihood(Mask(torch.ones(16, 16)) @ Blur(torch.ones(3, 3) / 9), x, sigma=0.1),
    "laplace likelihood": lambda x: LaplaceLikelihood(Crop(1), x, scale=0.1),
    "poisson likelihood": lambda x: PoissonLikelihood(Downsample(2), x, peak=30),
    "representation error": lambda x: RepresentationError(Identity(), x),
    "discrepancy": lambda x: discrepancy(Identity(), x, X, sigma=0.1),
    "stein_risk": lambda x: stein_risk(lambda v: v, x, sigma=0.1),
    "pixels": Pixels,
    "fourier": Fourier,
    "dictionary": lambda x: Dictionary(x, weight=1.0),
    "energy": TotalVariation(),
    "reference": lambda x: minimise(TotalVariation(), X, reference=x, steps=1),
    "spread": lambda x: prior_spread(TotalVariation(), x, sigma=0.1, seed=0),
    "operator": Blur(torch.ones(3, 3) / 9),
    "denoiser": lambda x: EncoderDecoder(widths=(4,), depth=1).eval()(x),
    "backbone": lambda x: backbones.representation("vgg_mini", "relu1_1")(x),
}
ANY_RANGE = {"check_images", "energy", "operator", "representation error"}  # they take feature maps too


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("door", DOORS)
def test_coarse_floats_are_refused_by_name(door, dtype):
    with pytest.raises(ValueError, match=rf"is {str(dtype)[6:]}, which is too coarse .* give \w+.float\(\)"):
        DOORS[door](X.to(dtype))


def test_autocast_may_choose_coarse_floats_and_codes_may_not_be_coarse():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert check_images(X.bfloat16()).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="start is float16"):
        Latent(lambda u: u[:, :, None, None], torch.zeros(1, 2).half())


def test_networks_of_coarse_weights_are_not_searched_over():
    make = lambda: torch.nn.Conv2d(1, 3, 1).bfloat16()  # noqa: E731
    g = Network(make, torch.ones(1, 1, 16, 16).bfloat16(), shape=(1, 3, 16, 16))
    with pytest.raises(ValueError, match="bfloat16, which is too coarse"):
        minimise(TotalVariation(), g)


@pytest.mark.parametrize("door", sorted(set(DOORS) - ANY_RANGE))
def test_images_up_to_255_are_refused_by_name(door):
    with pytest.raises(ValueError, match=r"has values up to 25\d.*as if white were 255"):
        DOORS[door](255 * X)


def test_what_is_no_image_may_have_any_range():
    assert torch.equal(DOORS["check_images"](255 * X), 255 * X)
    torch.testing.assert_close(DOORS["energy"](255 * X), 255 * DOORS["energy"](X))  # one-homogeneous, and so is a blur
    torch.testing.assert_close(DOORS["operator"](255 * X), 255 * DOORS["operator"](X))
    assert DOORS["representation error"](255 * X)(255 * X).tolist() == [0.0] * len(X)
    GaussianLikelihood(Gradient(), 255 * Gradient()(X), sigma=25.0)  # differences, in units of their own
    GaussianLikelihood(Blur(torch.ones(3, 3)), 200 * X, sigma=25.0)  # a sum, no mean
    images.gaussian_noise(torch.zeros(2, 64, 4, 4), sigma=25.0, seed=0)  # feature maps
    check_units(X + images.gaussian_noise(X, sigma=1.0, seed=0))  # the largest level leaves images images


LEVELS = {
    "check_level": check_level,
    "gaussian_noise": lambda sigma: images.gaussian_noise(X, sigma=sigma, seed=0),
    "corrupt": lambda sigma: corrupt(X, "gaussian", level=float(torch.as_tensor(sigma).max()), seed=0),
    "distort": lambda sigma: distort(X, "noise", level=float(torch.as_tensor(sigma).max())),
    "likelihood": lambda sigma: GaussianLikelihood(Identity(), X, sigma=sigma),
    "calibrated": lambda sigma: Tikhonov().calibrated(sigma),
    "discrepancy": lambda sigma: discrepancy(Identity(), X, X, sigma=sigma),
    "stein_risk": lambda sigma: stein_risk(lambda v: v, X, sigma=float(torch.as_tensor(sigma).max())),
    "spread": lambda sigma: prior_spread(TotalVariation(), X, sigma=float(torch.as_tensor(sigma).max()), seed=0),
}


@pytest.mark.parametrize("door", LEVELS)
def test_a_level_of_25_is_refused_with_what_was_meant(door):
    LEVELS[door](25 / 255)
    for level in (25, torch.tensor([25.0])):
        with pytest.raises(ValueError, match=r"units of images in \[0, 1\].* got 25; .* 25 / 255 = 0.098"):
            LEVELS[door](level)
    with pytest.raises(ValueError, match="finite number"):
        LEVELS[door](-0.1)


def test_peaks_below_zero_are_refused_by_name():
    for call in (
        lambda peak: images.poisson(X, peak=peak, seed=0),
        lambda peak: PoissonLikelihood(Identity(), X, peak=peak),
    ):
        for peak in (-60, 0.0, torch.tensor([-1.0])):
            with pytest.raises(ValueError, match="peak must be a finite number above 0"):
                call(peak)
