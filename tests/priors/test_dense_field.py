"""Gaussian fields of any covariance against SciPy."""

import numpy as np
import pytest
import scipy.stats
import torch

from deeprestore_lab.priors.dense_field import DenseField
from refusals import refused

SHAPE = (2, 3, 2)


def random_covariance(n: int = 12, seed: int = 0) -> np.ndarray:
    factor = np.random.default_rng(seed).standard_normal((n, n + 3))
    return factor @ factor.T / n


@pytest.fixture
def covariance() -> np.ndarray:
    return random_covariance()


@pytest.fixture
def field(covariance) -> DenseField:
    return DenseField(torch.from_numpy(covariance), SHAPE, mean=0.3)


def test_density_energy_and_score(field, covariance):
    x = torch.rand(4, *SHAPE, dtype=torch.float64)
    centred = x.flatten(1).numpy() - 0.3
    density = scipy.stats.multivariate_normal(np.full(12, 0.3), covariance)
    np.testing.assert_allclose(field.log_density(x), density.logpdf(x.flatten(1).numpy()), rtol=1e-10)
    precise = np.linalg.solve(covariance, centred.T).T
    np.testing.assert_allclose(field(x), 0.5 * (centred * precise).sum(1), rtol=1e-10)
    np.testing.assert_allclose(field.score(x).flatten(1), -precise, atol=1e-10)
    x.requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(field.log_density(x).sum(), x)[0], field.score(x.detach()))


def test_covariance_and_variance(field, covariance):
    np.testing.assert_allclose(field.covariance(), covariance, atol=1e-13)
    np.testing.assert_allclose(field.variance.flatten(), np.diag(covariance), atol=1e-13)


def test_samples_have_the_covariance(field, covariance):
    n = 20000
    x = field.sample(n, seed=3, dtype=torch.float64).flatten(1).numpy()
    variances = np.diag(covariance)
    assert (np.abs(x.mean(0) - 0.3) < 4.5 * np.sqrt(variances / n)).all()
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / n)  # of each entry, for Gaussians
    assert (np.abs(np.cov(x.T) - covariance) < 4.5 * error).all()


def test_prox_solves_its_normal_equations(field, covariance):
    precision = np.linalg.inv(covariance)
    v, steps = torch.rand(2, *SHAPE, dtype=torch.float64), torch.tensor([0.3, 7.0], dtype=torch.float64)
    for image, step, result in zip(v, steps.tolist(), field.prox(v, steps), strict=True):
        right = image.numpy().ravel() + step * precision @ np.full(12, 0.3)
        expected = np.linalg.solve(np.eye(12) + step * precision, right)
        np.testing.assert_allclose(result.numpy().ravel(), expected, atol=1e-11)


def test_the_quadratic_form_is_the_energy(field):
    form, x = field.quadratic(), torch.rand(2, *SHAPE, dtype=torch.float64)
    torch.testing.assert_close((form.operator(x) - form.target).square().flatten(1).sum(1) / 2, field(x))


test_what_is_no_covariance_is_refused = refused(
    (torch.eye(11), "must be a tensor \\(12, 12\\)"),
    (torch.eye(12) + torch.eye(12).roll(1, 0), "symmetric"),
    (torch.full((12, 12), torch.nan), "finite"),
    (torch.ones(12, 12), "positive definite"),
    by=lambda matrix: DenseField(matrix, SHAPE),
)


def test_the_eigenvectors_are_found_once_and_follow_the_picture(field, covariance, monkeypatch):
    """Asked first where no gradients are known, then where one is taken, in two precisions."""
    found, v = [], torch.rand(2, *SHAPE, dtype=torch.float64)
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda matrix: found.append(matrix) or eigh(matrix))
    with torch.inference_mode():
        single = field.prox(v.float(), 0.5)
    double = field.prox(v.requires_grad_(), 0.5)
    assert len(found) == 1 and (single.dtype, double.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)
    (slope,) = torch.autograd.grad(double.sum(), v)
    expected = np.linalg.solve(np.eye(12) + 0.5 * np.linalg.inv(covariance), np.ones(12))
    np.testing.assert_allclose(slope.flatten(1), np.stack([expected, expected]), atol=1e-11)
