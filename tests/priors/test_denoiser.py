"""Denoisers as priors: the energy's gradient is true, the score is Tweedie's, and each is told apart by its type."""

import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import BoundedAutoEncoder, trained_denoiser
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import AutoEncoderPrior, Denoiser, DenoiserEnergy, DenoiserScore, Prior, StationaryField
from refusals import refused

SHAPE = (1, 3, 4)
GENERATOR = torch.Generator().manual_seed(1)
MATRIX = torch.randn(12, 12, generator=GENERATOR, dtype=torch.float64) / 4  # not symmetric
SHIFT = torch.rand(12, generator=GENERATOR, dtype=torch.float64)


def affine(x: torch.Tensor) -> torch.Tensor:
    return (x.flatten(1) @ MATRIX.mT + SHIFT).reshape(x.shape)


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_energy_of_an_affine_denoiser_and_its_gradient():
    x, prior = images(3), DenoiserEnergy(affine)
    r = x.numpy().reshape(3, 12) - (x.numpy().reshape(3, 12) @ MATRIX.numpy().T + SHIFT.numpy())
    np.testing.assert_allclose(prior(x), (r**2).sum(1) / 2, rtol=1e-12)
    np.testing.assert_allclose(-prior.score(x).reshape(3, 12), r @ (np.eye(12) - MATRIX.numpy()), rtol=1e-11)
    torch.testing.assert_close(prior(x), AutoEncoderPrior(affine, temperature=2.0, squared=True)(x))


def test_the_gradient_of_a_network_goes_through_both_places_of_x():
    model = BoundedAutoEncoder(latent=2, widths=(8,), shape=SHAPE).double().initialise(images(20)).requires_grad_(False)
    assert torch.autograd.gradcheck(DenoiserEnergy(model), images(2, seed=3).requires_grad_())


def test_a_model_that_autograd_cannot_follow_has_no_true_gradient():
    """x - D(x) alone is another one: 2 x (1 - D') falls to x - D(x). Plug-and-play takes the model."""
    x, cut = images(2), torch.no_grad()(affine)
    assert DenoiserEnergy(cut)(x).shape == (2,)  # a value it has
    for prior in (
        DenoiserEnergy(cut),
        DenoiserEnergy(lambda x: affine(x.detach())),
        AutoEncoderPrior(cut, temperature=1.0),
    ):
        with pytest.raises(ValueError, match="the model does not depend on x as autograd sees it"):
            prior.score(x)
        with pytest.raises(ValueError, match="the model does not depend on x as autograd sees it"):
            minimise(GaussianLikelihood(Identity(), x, sigma=0.5) + prior, x)
    assert DenoiserScore(cut, sigma=0.1).score(x.requires_grad_()).shape == x.shape


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_the_energy_is_minimised_as_any_other(solver):
    """1/2 ||x - y||^2 / s^2 + w/2 ||(I - M) x - b||^2 by dense algebra."""
    y, weight = images(2), 3.0
    settings = {"lbfgs": {"tolerance": 1e-11}, "adam": {"steps": 3000, "lr": lambda t: 0.05 * 0.997**t}}[solver]
    energy = GaussianLikelihood(Identity(), y, sigma=0.5) + weight * DenoiserEnergy(affine)
    trace = minimise(energy, y, solver=solver, progress=False, **settings)
    R = np.eye(12) - MATRIX.numpy()
    for n in range(2):
        expected = np.linalg.solve(
            4 * np.eye(12) + weight * R.T @ R, 4 * y[n].numpy().ravel() + weight * R.T @ SHIFT.numpy()
        )
        np.testing.assert_allclose(trace.x[n].ravel(), expected, atol=1e-5)
    assert list(trace.terms) == ["gaussian likelihood", "denoiser"] and trace.without_value == []


def test_the_score_is_tweedies_in_the_solvable_world():
    """The mean of x given y is the Wiener filter; the score of y is that of a field with the noise's variance added."""
    field = StationaryField.power_law((6, 8), std=0.2)
    sigma = torch.tensor([0.1, 0.3], dtype=torch.float64)
    y = torch.rand(2, 1, 6, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    prior = DenoiserScore(lambda v: field.prox(v, sigma**2), sigma=sigma)
    for n in range(2):
        noisy = StationaryField(field.spectrum + sigma[n] ** 2, size=(6, 8))
        torch.testing.assert_close(prior.score(y)[n : n + 1], noisy.score(y[n : n + 1]))


def test_the_types_tell_a_value_from_none():
    energy, score = DenoiserEnergy(affine), DenoiserScore(affine, sigma=0.2)
    assert isinstance(energy, Denoiser) and isinstance(score, Denoiser) and issubclass(Denoiser, Prior)
    assert energy.has_value and energy.smooth and not energy.has_denoiser
    assert score.has_score and score.has_denoiser and not score.has_value
    x = images(2)
    torch.testing.assert_close((2.0 * score).score(x), 2 * (affine(x) - x) / 0.04)
    with pytest.raises(NotImplementedError, match="does not define value"):
        score(x)
    for solver in ("closed_form", "proximal", "admm", "lbfgs", "adam"):
        with pytest.raises(ValueError, match="denoiser has no value, a score alone.*pnp_hqs, pnp_proximal"):
            minimise(GaussianLikelihood(Identity(), x, sigma=0.2) + score, x, solver=solver)


def test_a_shipped_network_is_told_the_level():
    net, y = trained_denoiser(), torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([0.05, 0.2])
    torch.testing.assert_close(DenoiserScore(net, sigma=sigma, told=True).denoised(y), net(y, sigma))
    at = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((0.5 * (at - net(at, sigma)).square()).sum(), at)
    torch.testing.assert_close(DenoiserEnergy(net, sigma=sigma).score(y), -gradient)
    assert not DenoiserScore(net, sigma=0.1, told=True).denoised(at).requires_grad


test_bad_arguments_are_named = refused(
    (lambda: DenoiserScore("net", sigma=0.1), "model must map"),
    (lambda: DenoiserEnergy(None), "model must map"),
    (lambda: DenoiserScore(affine, sigma=25), "25 / 255"),
    (lambda: DenoiserScore(affine, sigma=0.0), "sigma must be"),
    (lambda: DenoiserScore(affine, sigma=None), "must be given"),
    (lambda: DenoiserScore(lambda x: x[:, :, 1:], sigma=0.1).denoised(images(1)), r"\(1, 1, 3, 4\), got"),
    (lambda: DenoiserEnergy(lambda x: x.numpy())(images(1)), r"\(1, 1, 3, 4\), got a numpy"),
    (lambda: DenoiserScore(affine, sigma=torch.ones(2)).score(images(3)), "2 values for a batch of 3"),
    (lambda: DenoiserScore(affine, sigma=0.1).calibrated(0.1), "denoiser with these settings has no calibrated"),
)
