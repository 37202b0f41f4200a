"""The auto-encoder prior against a linear model in NumPy, finite differences and a Gaussian posterior."""

import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import BoundedAutoEncoder
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import AutoEncoderPrior
from refusals import refused

SHAPE = (1, 3, 4)


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Affine:
    """x -> P x + b with a matrix that is neither symmetric nor a projection."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.P = torch.randn(12, 12, generator=generator, dtype=torch.float64) / 4
        self.b = torch.rand(12, generator=generator, dtype=torch.float64)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1) @ self.P.mT + self.b).reshape(x.shape)


@pytest.mark.parametrize("squared", [False, True])
def test_value_and_gradient_of_an_affine_model(squared):
    model, x, T = Affine(), images(3).requires_grad_(), torch.tensor([0.1, 0.5, 2.0], dtype=torch.float64)
    prior = AutoEncoderPrior(model, temperature=T, squared=squared, smoothing=0.0)
    (gradient,) = torch.autograd.grad(prior(x).sum(), x)
    M = model.P.numpy() - np.eye(12)
    r = x.detach().numpy().reshape(3, 12) @ M.T + model.b.numpy()
    norm = np.linalg.norm(r, axis=1)
    power = norm**2 if squared else norm
    slope = 2 * r @ M if squared else r @ M / norm[:, None]
    np.testing.assert_allclose(prior(x).detach(), power / T.numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradient.reshape(3, 12), slope / T.numpy()[:, None], rtol=1e-11)


@pytest.mark.parametrize("squared", [False, True])
def test_the_gradient_goes_through_both_places_of_x(squared):
    model = BoundedAutoEncoder(latent=2, widths=(8,), shape=SHAPE).double().initialise(images(20)).requires_grad_(False)
    prior = AutoEncoderPrior(model, temperature=0.3, squared=squared)
    assert torch.autograd.gradcheck(prior, images(2, seed=3).requires_grad_())


def test_smoothing_takes_off_at_most_its_size_and_leaves_no_kink():
    x, s = images(4), 0.05
    sharp, smooth = (AutoEncoderPrior(Affine(), temperature=1.0, smoothing=own) for own in (0.0, s))
    lost = sharp(x) - smooth(x)
    assert (lost > 0).all() and (lost < s).all()
    assert smooth.smooth and not sharp.smooth and AutoEncoderPrior(Affine(), temperature=1.0, squared=True).smooth

    def fixed(x):
        return x.clone()

    for prior in (sharp, smooth):
        prior.model = fixed
        at = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(prior(at).sum(), at)
        assert torch.equal(prior(x), torch.zeros(4, dtype=torch.float64)) and not gradient.any()


def test_near_the_range_nothing_cancels():
    off = torch.full((1, 1, 1, 1), 1e-9, dtype=torch.float64)
    value = AutoEncoderPrior(lambda x: x + off, temperature=1.0, smoothing=1e-2)(torch.zeros_like(off))
    assert value.item() == pytest.approx(1e-18 / 2e-2, rel=1e-9)  # r^2 / (2 s)


@pytest.mark.parametrize("solver", ["lbfgs", "proximal", "adam"])
def test_with_a_projection_and_the_square_the_posterior_is_gaussian(solver):
    """R = ||(I - Q Q^T) x||^2 / T, so the mode is Q Q^T y + (I - Q Q^T) y / (1 + 2 sigma^2 / T)."""
    Q = torch.linalg.qr(torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    y, sigma, T = images(3), 0.2, 0.05
    prior = AutoEncoderPrior(lambda x: (x.flatten(1) @ Q @ Q.mT).reshape(x.shape), temperature=T, squared=True)
    settings = {"tolerance": 1e-10, "steps": 3000, **({"lr": 0.002, "tolerance": 0} if solver == "adam" else {})}
    trace = minimise(
        GaussianLikelihood(Identity(), y, sigma=sigma) + prior, Pixels(y), solver=solver, progress=False, **settings
    )
    inside = (y.flatten(1) @ Q @ Q.mT).reshape(y.shape)
    torch.testing.assert_close(trace.x, inside + (y - inside) / (1 + 2 * sigma**2 / T), rtol=0, atol=1e-6)


test_bad_arguments_are_named = refused(
    (lambda: AutoEncoderPrior(Affine(), temperature=0.0), "temperature"),
    (lambda: AutoEncoderPrior(Affine(), temperature=1.0, smoothing=-1.0), "smoothing"),
    (lambda: AutoEncoderPrior("model", temperature=1.0), "model must map"),
    (lambda: AutoEncoderPrior(lambda x: x[:, :, 1:], temperature=1.0)(images(1)), r"\(1, 1, 3, 4\), got"),
    (lambda: AutoEncoderPrior(Affine(), temperature=torch.ones(2))(images(3)), "2 weights"),
    (lambda: AutoEncoderPrior(Affine(), temperature=1.0).calibrated(0.1), "auto-encoder with these settings"),
)
