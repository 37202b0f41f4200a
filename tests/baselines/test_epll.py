"""EPLL by deepinv: the operator as its physics, the mixture that it takes, and our call of it."""

import math
import sys

import pytest
import torch

import deeprestore_lab as drl
from deeprestore_lab.baselines.epll import as_physics, epll, patch_mixture, training_patches
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Blur, Downsample, Identity, Mask
from deeprestore_lab.signal.convolution import gaussian_kernel

pytest.importorskip("deepinv")
SIGMA = 25 / 255
X = drl.images.photograph("chelsea", size=48, grey=True)
Y = X + drl.images.gaussian_noise(X, sigma=SIGMA, seed=0)
MASK = drl.images.random_mask(X, keep=0.5, seed=0)
OPERATORS = {
    "identity": Identity(),
    "mask": Mask(MASK),
    "blur": Blur(gaussian_kernel(1.6), border="reflect"),
    "smaller": Downsample(2),
}


@pytest.fixture(scope="module")
def mixture():
    return patch_mixture(12, count=500, rounds=5)


@pytest.mark.parametrize("name", OPERATORS)
def test_the_physics_has_the_operator_and_its_adjoint(name):
    physics, generator = as_physics(OPERATORS[name]), torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 48, 48, generator=generator)
    seen = physics.A(x)
    y = torch.randn(seen.shape, generator=generator)
    torch.testing.assert_close(seen, OPERATORS[name](x))
    assert float((seen * y).sum()) == pytest.approx(float((x * physics.A_adjoint(y)).sum()), rel=1e-4, abs=1e-3)
    assert float(physics.adjointness_test(x)) < 1e-5
    torch.testing.assert_close(physics.A_adjoint_A(x), OPERATORS[name].adjoint(seen))


def test_one_gaussian_is_the_second_moment_of_the_patches():
    patches = training_patches(400, seed=1)
    level = patches.mean(1, keepdim=True)
    p = (patches - level).double()
    expected = p.T @ p / len(p) + float(level.square().mean())
    found = patch_mixture(1, count=400, rounds=2, seed=1)
    assert not found.mu.any()
    torch.testing.assert_close(found.get_cov()[0].double(), expected, rtol=1e-3, atol=1e-5)


def test_more_components_say_more_about_other_patches(mixture):
    fresh = training_patches(300, seed=5)
    one = patch_mixture(1, count=400, rounds=2, seed=1)
    with torch.no_grad():
        assert float(mixture(fresh).mean()) < float(one(fresh).mean()) - 5  # nats a patch


def test_a_step_of_one_gaussian_is_the_wiener_estimate_of_each_patch():
    """One component has a closed form, step by step: the estimates' means, then the data. In double precision."""
    one = patch_mixture(1, count=400, rounds=2, seed=1)
    cov, y = one.get_cov()[0].double(), Y.double()
    x = y
    for level in (0.1, 0.1 / math.sqrt(32)):
        wiener = cov @ torch.linalg.inv(cov + level**2 * torch.eye(36, dtype=torch.float64))
        patches = torch.nn.functional.unfold(x, 6)
        many = torch.nn.functional.fold(torch.ones_like(patches), X.shape[2:], 6)
        seen = torch.nn.functional.fold(wiener @ patches, X.shape[2:], 6) / many
        share = 0.5 * SIGMA**2 / level**2
        x = (y + share * seen) / (1 + share)
    found = epll(y, Identity(), sigma=SIGMA, start=y, weight=0.5, level=0.1, steps=2, mixture=one)
    torch.testing.assert_close(found, x, rtol=0, atol=1e-5)


def test_it_beats_one_gaussian_and_what_it_starts_from(mixture):
    """One Gaussian gets the best of five weights; total variation, where the lost pixels' search starts, of four."""
    one, weights = patch_mixture(1, count=400, rounds=2, seed=1), (0.25, 0.5, 1.0, 2.0, 4.0)
    noisy = {"sigma": SIGMA, "start": Y, "steps": 5}
    plain = max(float(psnr(epll(Y, Identity(), weight=w, mixture=one, **noisy), X)) for w in weights)
    assert float(psnr(epll(Y, Identity(), mixture=mixture, **noisy), X)) > plain
    sigma, seen = 5 / 255, MASK * (X + drl.images.gaussian_noise(X, sigma=5 / 255, seed=0))
    data = drl.energies.GaussianLikelihood(Mask(MASK), seen, sigma=sigma)
    starts = [
        drl.minimise(data + w * drl.priors.TotalVariation().calibrated(sigma=sigma), seen).x
        for w in (0.25, 0.5, 1.0, 2.0)
    ]
    start = max(starts, key=lambda x: float(psnr(x, X)))
    filled = epll(seen, Mask(MASK), sigma=sigma, start=start, level=20 / 255, mixture=mixture)
    assert float(psnr(filled, X)) > float(psnr(start, X))


def test_a_picture_alone_is_as_in_the_batch(mixture):
    both = torch.cat([Y, Y.flip(-1)])
    found = epll(both, Identity(), sigma=SIGMA, start=both, steps=2, mixture=mixture)
    torch.testing.assert_close(found[:1], epll(Y, Identity(), sigma=SIGMA, start=Y, steps=2, mixture=mixture))


def test_wrong_input(mixture):
    settings = {"sigma": SIGMA, "start": Y, "mixture": mixture}
    for wrong, told in (
        ({"sigma": 25}, "25 / 255"),
        ({"level": 25}, "25 / 255"),
        ({"weight": 0.0}, "weight must be a finite number above 0"),
        ({"steps": 1}, "steps must be"),
        ({"start": Y.expand(-1, 3, -1, -1)}, "start"),
        ({"start": Y[..., :5]}, "6 x 6"),
    ):
        with pytest.raises(ValueError, match=told):
            epll(Y, Identity(), **settings | wrong)
    with pytest.raises(ValueError, match="linear operator"):
        epll(Y, torch.nn.Identity(), **settings)
    with pytest.raises(ValueError, match="components must be"):
        patch_mixture(0)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepinv", None)  # as if it could not be imported
    with pytest.raises(ImportError, match=r"deeprestore_lab\[benchmarks\]"):
        epll(Y, Identity(), sigma=SIGMA, start=Y)
