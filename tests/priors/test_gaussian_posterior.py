"""Posteriors of Gaussian fields against the textbook formulas, the chain rule, and Monte Carlo."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Blur, Crop, Downsample, FourierMask, Gradient, Identity, Mask, Operator, as_matrix
from deeprestore_lab.priors.dense_field import DenseField
from deeprestore_lab.priors.gaussian_field import StationaryField
from deeprestore_lab.signal.convolution import gaussian_kernel

SHAPE = (2, 4, 6)
SEEN = torch.tensor([1, 0, 1, 1, 0, 1], dtype=torch.float64).expand(4, 6)
SKEWED = torch.tensor([[0.1, 0.5, 0.4], [0.0, 0.2, -0.1]], dtype=torch.float64)
OPERATORS = {
    "identity": Identity(),
    "circular blur": Blur(SKEWED),
    "circular gradient": Gradient(border="circular"),
    "mask": Mask(SEEN),
    "blur": Blur(SKEWED, border="replicate"),
    "downsample": Downsample(2),
    "crop of blur": Crop(1) @ Blur(gaussian_kernel(0.6, size=3)),
    "downsample of blur": Downsample(2, kernel="average") @ Blur(SKEWED),
}


def stationary() -> StationaryField:
    mean = torch.linspace(0.2, 0.7, 48, dtype=torch.float64).reshape(SHAPE)
    return StationaryField.power_law(SHAPE[1:], exponent=2.2, std=0.25, channels=2, mean=mean)


def dense() -> DenseField:
    """Channels that depend on one another, and no stationarity."""
    factor = torch.randn(48, 60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return DenseField(factor @ factor.mT / 600, SHAPE, mean=0.4)


@pytest.fixture(params=["stationary", "dense"])
def field(request):
    return stationary() if request.param == "stationary" else dense()


@pytest.fixture(params=OPERATORS)
def operator(request):
    return OPERATORS[request.param]


def measure(field, operator, sigma, seed=0):
    x = field.sample(3, seed=seed, dtype=torch.float64)
    y = operator(x)
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    return x, y + sigma * noise


@pytest.mark.parametrize("sigma", [0.02, 0.5])
def test_mean_covariance_and_evidence_are_the_textbooks(field, operator, sigma):
    _, y = measure(field, operator, sigma)
    posterior = field.posterior(operator, y, sigma=sigma)
    a, c, mu = as_matrix(operator, SHAPE).numpy(), field.covariance().numpy(), field.mean.flatten().numpy()
    evidence_covariance = a @ c @ a.T + sigma**2 * np.eye(len(a))
    gain = np.linalg.solve(evidence_covariance, a @ c).T
    expected_mean = mu + (y.flatten(1).numpy() - a @ mu) @ gain.T
    expected_covariance = c - gain @ a @ c
    np.testing.assert_allclose(posterior.mean.flatten(1), expected_mean, atol=1e-10)
    np.testing.assert_allclose(posterior.covariance(), expected_covariance, atol=1e-11)
    np.testing.assert_allclose(posterior.variance.flatten(), np.diag(expected_covariance), atol=1e-11)
    marginal = scipy.stats.multivariate_normal(a @ mu, evidence_covariance)
    np.testing.assert_allclose(posterior.log_evidence, marginal.logpdf(y.flatten(1).numpy()), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("sigma", [0.02, 0.5])
def test_bayes_rule_holds_at_any_image(field, operator, sigma):
    x, y = measure(field, operator, sigma)
    posterior = field.posterior(operator, y, sigma=sigma)
    noise_density = scipy.stats.norm(operator(x).numpy(), sigma)
    log_likelihood = torch.from_numpy(noise_density.logpdf(y.numpy())).flatten(1).sum(1)
    chain = field.log_density(x) + log_likelihood - posterior.log_density(x)
    torch.testing.assert_close(chain, posterior.log_evidence, rtol=1e-10, atol=1e-8)


def test_the_mode_is_where_the_energies_balance(field, operator):
    _, y = measure(field, operator, 0.1)
    posterior = field.posterior(operator, y, sigma=0.1)
    energy = GaussianLikelihood(operator, y, sigma=0.1) + field
    x = posterior.mode.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(energy(x).sum(), x)
    assert float(gradient.abs().max()) < 1e-9
    elsewhere = torch.rand(3, *SHAPE, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(energy(elsewhere).sum(), elsewhere)
    torch.testing.assert_close(posterior.score(elsewhere.detach()), -slope, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["circular blur", "mask"])
def test_samples_have_the_posteriors_moments(name):
    field, n = stationary(), 20000
    _, y = measure(field, OPERATORS[name], 0.2)
    posterior = field.posterior(OPERATORS[name], y, sigma=0.2)
    x = posterior.sample(n, seed=4, image=2)
    covariance = posterior.covariance()
    variances = covariance.diagonal()
    mean_error = (variances / n).sqrt()
    assert ((x.mean(0) - posterior.mean[2]).flatten().abs() < 4.5 * mean_error).all()
    # standard error of each entry of the covariance of Gaussians; 1176 entries, so 5 deviations
    error = ((variances[:, None] * variances + covariance.square()) / n).sqrt()
    assert ((torch.cov(x.flatten(1).mT) - covariance).abs() < 5 * error).all()


def test_the_posterior_is_calibrated_over_the_joint_distribution():
    # for x, y drawn together, x is one more draw of its posterior: its squared Mahalanobis distance is chi-squared
    field, operator = stationary(), OPERATORS["circular blur"]
    x = field.sample(2000, seed=6, dtype=torch.float64)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    posterior = field.posterior(operator, operator(x) + 0.3 * noise, sigma=0.3)
    assert scipy.stats.kstest(2 * posterior.field(x), scipy.stats.chi2(48).cdf).pvalue > 1e-3


def test_two_measurements_in_turn_are_both_at_once():
    field, blur, mask = stationary(), OPERATORS["circular blur"], OPERATORS["mask"]
    x, first = measure(field, blur, 0.3)
    second = mask(x) + 0.1
    one_way = field.posterior(blur, first, sigma=0.3).field.posterior(mask, second, sigma=0.2)
    other_way = field.posterior(mask, second, sigma=0.2).field.posterior(blur, first, sigma=0.3)
    torch.testing.assert_close(one_way.mean, other_way.mean)
    torch.testing.assert_close(one_way.covariance(), other_way.covariance())


def test_the_fourier_path_agrees_with_the_dense_one_at_32_by_32():
    field = StationaryField.power_law((32, 32))
    _, y = measure(field, Blur(gaussian_kernel(1.0)), 0.05)
    fast = field.posterior(Blur(gaussian_kernel(1.0)), y, sigma=0.05)
    slow = DenseField(field.covariance(), field.shape, mean=0.5).posterior(Blur(gaussian_kernel(1.0)), y, sigma=0.05)
    torch.testing.assert_close(fast.mean, slow.mean, atol=1e-9, rtol=0)
    torch.testing.assert_close(fast.variance, slow.variance, atol=1e-10, rtol=0)
    torch.testing.assert_close(fast.log_evidence, slow.log_evidence, rtol=1e-9, atol=0)


def test_single_precision_measurements_are_computed_in_double():
    field, operator = stationary(), OPERATORS["circular blur"]
    _, y = measure(field, operator, 0.02)
    single, double = (field.posterior(operator, kind, sigma=0.02) for kind in (y.float(), y.float().double()))
    assert single.mean.dtype == single.sample(1, seed=0).dtype == torch.float32
    torch.testing.assert_close(single.mean, double.mean.float(), atol=0, rtol=0)
    torch.testing.assert_close(single.log_evidence, double.log_evidence.float(), atol=0, rtol=0)


def test_without_information_the_prior_remains():
    field = stationary()
    y = torch.zeros(1, *SHAPE, dtype=torch.float64)
    posterior = field.posterior(Mask(torch.zeros(4, 6)), y, sigma=0.1)
    torch.testing.assert_close(posterior.mean, field.mean)
    torch.testing.assert_close(posterior.covariance(), field.covariance())
    assert float(posterior.log_evidence) == pytest.approx(-24 * math.log(2 * math.pi * 0.01), rel=1e-12)


def test_large_images_need_a_circular_operator():
    field = StationaryField.power_law((80, 80))
    x = field.sample(1, seed=0)
    assert field.posterior(Blur(gaussian_kernel(1.0)), x, sigma=0.1).mean.shape == x.shape
    with pytest.raises(ValueError, match="6400 values, and the operator 'mask' needs dense algebra"):
        field.posterior(Mask(torch.ones(80, 80)), x, sigma=0.1)


def test_bad_input_is_refused():
    class Square(Operator):
        def apply(self, x):
            return x.square()

    field, y = stationary(), torch.rand(2, *SHAPE)
    with pytest.raises(ValueError, match="linear operator alone"):
        field.posterior(Square(), y, sigma=0.1)
    with pytest.raises(ValueError, match="sigma must be a finite number above 0"):
        field.posterior(Identity(), y, sigma=0.0)
    with pytest.raises(ValueError, match="one number for the batch"):
        field.posterior(Identity(), y, sigma=torch.tensor([0.1, 0.2]))
    with pytest.raises(ValueError, match="A x has shape"):
        field.posterior(Downsample(2), y, sigma=0.1)
    each = FourierMask(torch.rand(2, 1, *SHAPE[1:]))
    for fresh in (field, field.posterior(Identity(), y, sigma=0.1).field):
        with pytest.raises(ValueError, match="does not fit|one operator for all images; fourier mask has 2"):
            fresh.posterior(each, each(y), sigma=0.1)
    with pytest.raises(ValueError, match="2 means"):
        field.posterior(Identity(), y, sigma=0.1).field.sample(1, seed=0)
