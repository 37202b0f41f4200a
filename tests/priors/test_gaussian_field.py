"""Stationary Gaussian fields against dense formulas, SciPy, and Monte Carlo with stated standard errors."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from deeprestore_lab.operators import as_matrix
from deeprestore_lab.priors.gaussian_field import StationaryField

SIZES = [(4, 6), (5, 4), (5, 7), (1, 6)]


def power_law_spectrum(size: tuple[int, int], exponent: float, std: float, corner: float) -> np.ndarray:
    """The full H x W spectrum, frequency by frequency."""
    h, w = size
    spectrum = np.zeros(size)
    for j in range(h):
        for k in range(w):
            fy, fx = (j if j <= h // 2 else j - h) / h, (k if k <= w // 2 else k - w) / w
            spectrum[j, k] = (fy**2 + fx**2 + corner**2) ** (-exponent / 2)
    return spectrum * std**2 / spectrum.mean()


def dense_covariance(full_spectrum: np.ndarray) -> np.ndarray:
    """F^H diag(S) F with F the unitary DFT in two directions, as a matrix."""
    h, w = full_spectrum.shape
    f = np.kron(scipy.linalg.dft(h, scale="sqrtn"), scipy.linalg.dft(w, scale="sqrtn"))
    return (f.conj().T @ np.diag(full_spectrum.ravel()) @ f).real


def random_full_spectrum(size: tuple[int, int], seed: int) -> np.ndarray:
    """Positive and symmetric, but not isotropic."""
    noise = np.random.default_rng(seed).standard_normal(size)
    return np.abs(np.fft.fft2(noise)) ** 2 / noise.size + 0.05


def field_of(full_spectrum: np.ndarray, **settings) -> StationaryField:
    h, w = full_spectrum.shape
    return StationaryField(torch.from_numpy(full_spectrum[:, : w // 2 + 1].copy()), size=(h, w), **settings)


@pytest.mark.parametrize("size", SIZES)
def test_the_spectrum_holds_the_eigenvalues_of_the_covariance(size):
    full = random_full_spectrum(size, 0)
    field, expected = field_of(full), dense_covariance(full)
    np.testing.assert_allclose(field.covariance(), expected, atol=1e-12)
    np.testing.assert_allclose(field.autocovariance[0].flatten(), expected[0], atol=1e-12)
    np.testing.assert_allclose(field.variance.flatten(), np.diag(expected), atol=1e-12)
    assert float(field.variance[0, 0, 0, 0]) == pytest.approx(full.mean(), rel=1e-12)
    assert field.log_determinant == pytest.approx(np.linalg.slogdet(expected)[1], rel=1e-11)


@pytest.mark.parametrize("size", SIZES)
def test_the_power_law(size):
    field = StationaryField.power_law(size, exponent=1.7, std=0.3, corner=0.05)
    full = power_law_spectrum(size, 1.7, 0.3, 0.05)
    np.testing.assert_allclose(field.spectrum[0], full[:, : size[1] // 2 + 1], rtol=1e-12)
    torch.testing.assert_close(field.variance, torch.full((1, 1, *size), 0.09, dtype=torch.float64))
    default = StationaryField.power_law(size, std=0.3)
    expected = power_law_spectrum(size, 2.0, 0.3, 1 / max(size))
    np.testing.assert_allclose(default.spectrum[0], expected[:, : size[1] // 2 + 1], rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_density_energy_and_score_are_those_of_the_dense_gaussian(size):
    full = random_full_spectrum(size, 1)
    mean = torch.rand(1, *size, dtype=torch.float64)
    field, covariance = field_of(full, mean=mean), dense_covariance(full)
    x = torch.rand(3, 1, *size, dtype=torch.float64)
    centred = (x - mean).flatten(1).numpy()
    density = scipy.stats.multivariate_normal(mean.flatten().numpy(), covariance)
    np.testing.assert_allclose(field.log_density(x), density.logpdf(x.flatten(1).numpy()), rtol=1e-10)
    precise = np.linalg.solve(covariance, centred.T).T
    np.testing.assert_allclose(field(x), 0.5 * (centred * precise).sum(1), rtol=1e-10)
    np.testing.assert_allclose(field.score(x).flatten(1), -precise, atol=1e-10)


def test_channels_are_independent():
    spectra = [random_full_spectrum((4, 6), seed) for seed in (2, 3)]
    together = StationaryField(torch.stack([field_of(s).spectrum[0] for s in spectra]), size=(4, 6))
    expected = scipy.linalg.block_diag(*map(dense_covariance, spectra))
    np.testing.assert_allclose(together.covariance(), expected, atol=1e-12)
    x = together.sample(2, seed=0, dtype=torch.float64)
    alone = sum(field_of(s).log_density(x[:, c : c + 1]) for c, s in enumerate(spectra))
    torch.testing.assert_close(together.log_density(x), alone)


def test_the_score_is_the_slope_of_the_log_density():
    field = StationaryField.power_law((5, 6), channels=2)
    x = field.sample(1, seed=0, dtype=torch.float64)
    direction, step = torch.randn(x.shape, dtype=torch.float64), 1e-4
    ahead, behind = field.log_density(x + step * direction), field.log_density(x - step * direction)
    # the log-density is quadratic, so central differences leave rounding alone
    torch.testing.assert_close(
        (field.score(x) * direction).sum(), ((ahead - behind) / (2 * step))[0], rtol=1e-7, atol=0
    )
    x.requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(field.log_density(x).sum(), x)[0], field.score(x.detach()))


def test_samples_have_the_covariance():
    n, full = 20000, random_full_spectrum((3, 4), 4)
    x = field_of(full, mean=0.3).sample(n, seed=1, dtype=torch.float64).flatten(1).numpy()
    covariance = dense_covariance(full)
    variances = np.diag(covariance)
    mean_error = np.sqrt(variances / n)
    assert (np.abs(x.mean(0) - 0.3) < 4.5 * mean_error).all()
    # Var of an entry of the empirical covariance of Gaussians: (C_ii C_jj + C_ij^2) / n; 78 entries, so 4.5 deviations
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    assert (np.abs(np.cov(x.T) - covariance) < 4.5 * error).all()


def test_twice_the_energy_of_samples_is_chi_squared():
    field = StationaryField.power_law((6, 6))
    energies = 2 * field(field.sample(2000, seed=2, dtype=torch.float64))
    assert scipy.stats.kstest(energies, scipy.stats.chi2(36).cdf).pvalue > 1e-3


def test_samples_repeat_with_their_seed():
    field = StationaryField.power_law((6, 6))
    assert torch.equal(field.sample(3, seed=5), field.sample(3, seed=5))
    assert not torch.equal(field.sample(3, seed=5), field.sample(3, seed=6))
    assert field.sample(1, seed=5).dtype == torch.float32


@pytest.mark.parametrize("size", SIZES)
def test_prox_solves_its_normal_equations(size):
    full = random_full_spectrum(size, 5)
    field, precision = field_of(full, mean=0.2), np.linalg.inv(dense_covariance(full))
    v = torch.rand(2, 1, *size, dtype=torch.float64)
    steps = torch.tensor([0.3, 7.0], dtype=torch.float64)
    got = field.prox(v, steps)
    for image, step, result in zip(v, steps.tolist(), got, strict=True):
        matrix = np.eye(len(precision)) + step * precision
        expected = np.linalg.solve(matrix, image.numpy().ravel() + step * precision @ np.full(len(precision), 0.2))
        np.testing.assert_allclose(result.numpy().ravel(), expected, atol=1e-11)
    torch.testing.assert_close(field.prox(v, 0.0), v)


def test_the_quadratic_form_is_the_energy():
    field = StationaryField.power_law((5, 6), mean=0.4)
    form, x = field.quadratic(), torch.rand(2, 1, 5, 6, dtype=torch.float64)
    residual = form.operator(x) - form.target
    torch.testing.assert_close(form.precision / 2 * residual.square().flatten(1).sum(1), field(x))
    whitener = as_matrix(form.operator, field.shape)
    torch.testing.assert_close(whitener @ field.covariance() @ whitener.mT, torch.eye(30, dtype=torch.float64))
    assert form.operator.diagonal_basis == "fft"


def test_its_own_calibrated_weight_is_one():
    field, x = StationaryField.power_law((4, 4)), torch.rand(1, 1, 4, 4)
    torch.testing.assert_close(field.calibrated(0.1)(x), field(x))


def test_single_precision_and_large_images():
    field = StationaryField.power_law((256, 256), channels=3)
    x = field.sample(1, seed=0)
    double = field.log_density(x.double())
    torch.testing.assert_close(field.log_density(x).double(), double, rtol=1e-4, atol=0)
    with pytest.raises(ValueError, match="196608 values"):
        field.covariance()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="above 0 at every frequency"):
        StationaryField(torch.zeros(4, 3), size=(4, 4))
    with pytest.raises(ValueError, match="finite real tensor"):
        StationaryField(torch.ones(4, 4), size=(4, 4))
    with pytest.raises(ValueError, match="does not fit images"):
        StationaryField(torch.ones(4, 3), size=(4, 4), mean=torch.zeros(3))
    with pytest.raises(ValueError, match="not finite"):
        StationaryField(torch.ones(4, 3), size=(4, 4), mean=float("nan"))
    with pytest.raises(ValueError, match="images of \\(1, 4, 4\\)"):
        StationaryField(torch.ones(4, 3), size=(4, 4))(torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="channels must be"):
        StationaryField.power_law((4, 4), channels=0)
    with pytest.raises(ValueError, match="std must be"):
        StationaryField.power_law((4, 4), std=0)
