"""Complex measurements of real images: energies in |r|, answers against a conic solver and dense algebra."""

import cvxpy as cp
import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import (
    Activation,
    GaussianLikelihood,
    LaplaceLikelihood,
    PoissonLikelihood,
    RepresentationError,
    check_gradient,
)
from deeprestore_lab.measures.weight_choice import discrepancy
from deeprestore_lab.operators import FourierMask, Identity, as_matrix
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import (
    AlphaNorm,
    DenoiserEnergy,
    DenoiserScore,
    DenseField,
    FieldOfExperts,
    MapField,
    OvercompleteICA,
    PoweredVariation,
    RidgeRegulariser,
    StationaryField,
    Tikhonov,
    Tiled,
    TotalVariation,
)
from refusals import refused

N = 6
GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(2, 1, N, N, generator=GENERATOR, dtype=torch.float64)
KEEP = torch.rand(N, N, generator=GENERATOR) > 0.4
KEEP[0, 0] = True  # the mean: nothing else speaks of it
A = FourierMask(KEEP)
NOISE = torch.randn(2, 1, N, N, generator=GENERATOR, dtype=torch.complex128)
Y = A(X) + 0.1 * KEEP * NOISE
DENSE = as_matrix(A, (1, N, N)).numpy()
WEIGHTS = torch.tensor([0.5, 2.0], dtype=torch.float64)


def residual(n: int) -> np.ndarray:
    return DENSE @ X[n].numpy().ravel() - Y[n].numpy().ravel()


def test_energies_take_the_modulus_of_residuals():
    gaussian = [np.sum(np.abs(residual(n)) ** 2) / (2 * 0.3**2) for n in range(2)]
    np.testing.assert_allclose(GaussianLikelihood(A, Y, sigma=0.3)(X), gaussian, rtol=1e-12)
    laplace = [np.sum(np.abs(residual(n))) / 0.3 for n in range(2)]
    np.testing.assert_allclose(LaplaceLikelihood(A, Y, scale=0.3)(X), laplace, rtol=1e-12)
    feature = [np.sum(np.abs(residual(n)) ** 2) / np.sum(np.abs(Y[n].numpy()) ** 2) for n in range(2)]
    np.testing.assert_allclose(RepresentationError(A, Y)(X), feature, rtol=1e-12)


def test_priors_on_a_complex_representation_take_the_modulus():
    """Against NumPy's, on the spectrum of a picture and its differences."""
    seen = A(X).numpy()
    squared = sum(
        np.abs(np.diff(seen, axis=axis, append=seen.take([-1], axis))) ** 2 for axis in (2, 3)
    )  # zero across the border
    expected = {
        Tikhonov("identity", mean=0.5) @ A: np.abs(seen - 0.5) ** 2 / 2,
        Tikhonov("gradient") @ A: squared / 2,
        TotalVariation() @ A: np.sqrt(squared),
        TotalVariation(smoothing=0.1) @ A: np.sqrt(squared + 0.1**2) - 0.1,
        PoweredVariation(beta=1.5) @ A: squared**0.75,
        AlphaNorm(alpha=4, mean=0.5, scale=1) @ A: np.abs(seen - 0.5) ** 4,
        Activation(A, Y[:1]): -(seen * Y[:1].numpy().conj()).real,
    }
    for energy, density in expected.items():
        np.testing.assert_allclose(energy(X), density.sum((1, 2, 3)), rtol=1e-9)
        check_gradient(energy, X)


REAL_ALONE = {
    "field of experts": FieldOfExperts(torch.rand(2, 3, 3), torch.ones(2)),
    "field on maps": MapField(torch.rand(2, X.shape[1], 3, 3), torch.ones(2)),
    "ridge": RidgeRegulariser(torch.rand(2, 1, 3, 3), torch.ones(2, 3)),
    "Gaussian field": StationaryField.power_law(tuple(X.shape[2:]), channels=X.shape[1]),
    "denoiser": DenoiserEnergy(lambda v: v / 2),
    "denoiser without a value": DenoiserScore(lambda v: v / 2, sigma=0.1),
    "windows": Tiled(lambda t: t.square().flatten(1).sum(1), side=2),
    "components": OvercompleteICA(torch.rand(3, *X.shape[2:]), torch.ones(3)),
}


@pytest.mark.parametrize("name", REAL_ALONE)
def test_what_is_made_for_real_values_says_so_of_complex_ones(name):
    """Its value and its score: some raised torch's own error, some gave a score of what they had refused a value."""
    energy = REAL_ALONE[name] @ A
    asked = [energy.score, energy] if energy.has_value else [energy.score]
    for ask in asked:
        with pytest.raises(ValueError, match=r"is made for real values, and .* @ fourier mask gives it complex ones"):
            ask(X)


def test_the_score_on_a_complex_representation_is_minus_the_gradient():
    energy = TotalVariation(smoothing=0.1) @ A
    x = X.clone().requires_grad_()
    torch.testing.assert_close(energy.score(X), -torch.autograd.grad(energy(x).sum(), x)[0])


@pytest.mark.parametrize("solver", ["closed_form", "admm", "lbfgs"])
def test_a_quadratic_prior_on_a_complex_representation_is_that_of_dense_algebra(solver):
    energy = GaussianLikelihood(Identity(), X, sigma=0.5) + 3.0 * (Tikhonov("identity", mean=0.0) @ A)
    trace = minimise(energy, X, solver=solver, steps=500, tolerance=1e-10, progress=False)
    normal = 4 * np.eye(N * N) + 3 * (DENSE.conj().T @ DENSE).real
    for n in range(2):
        expected = np.linalg.solve(normal, 4 * X[n].numpy().ravel())
        np.testing.assert_allclose(trace.x[n].ravel(), expected, atol=1e-6)


def test_the_kinked_and_the_steep_prior_of_a_spectrum_are_minimised_by_splitting():
    """ADMM's proximal steps of complex values, against gradient steps and a conic solver."""
    data = GaussianLikelihood(Identity(), X, sigma=0.5)
    steep = data + AlphaNorm(alpha=4, mean=0.5, scale=1) @ A
    found = [minimise(steep, X, solver=s, steps=2000, tolerance=1e-9, progress=False).x for s in ("admm", "lbfgs")]
    torch.testing.assert_close(*found, rtol=0, atol=1e-5)
    trace = minimise(data + 2.0 * (TotalVariation() @ A), X, solver="admm", steps=3000, tolerance=1e-8, progress=False)
    for n in range(2):
        x = cp.Variable(N * N)
        seen = cp.reshape(DENSE @ x, (N, N), order="C")
        down = cp.vstack([seen[1:] - seen[:-1], np.zeros((1, N))])
        right = cp.hstack([seen[:, 1:] - seen[:, :-1], np.zeros((N, 1))])
        parts = [cp.vec(part(each), order="C") for each in (down, right) for part in (cp.real, cp.imag)]
        cost = 2 * cp.sum_squares(x - X[n].numpy().ravel()) + 2 * cp.sum(cp.norm(cp.vstack(parts), 2, axis=0))
        best = cp.Problem(cp.Minimize(cost)).solve(solver="CLARABEL")
        assert float(trace.energy[-1][n]) == pytest.approx(best, rel=1e-5)


def test_gradients_are_those_of_the_real_image():
    at = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(GaussianLikelihood(A, Y, sigma=0.3), at)
    assert torch.autograd.gradcheck(LaplaceLikelihood(A, Y + 0.1, scale=0.3), at)
    expected = -A.adjoint(A(X) - Y) / 0.09
    torch.testing.assert_close(GaussianLikelihood(A, Y, sigma=0.3).score(X), expected)


def test_the_step_of_the_modulus_shrinks_it_and_keeps_the_phase():
    energy, v, step = LaplaceLikelihood(A, Y, scale=0.5).split()[1], NOISE, torch.tensor([0.05, 0.4])
    moved = energy.prox(v, step) - Y
    for n, t in enumerate((0.1, 0.8)):
        r = (v - Y)[n].numpy()
        expected = np.exp(1j * np.angle(r)) * np.maximum(np.abs(r) - t, 0)
        np.testing.assert_allclose(moved[n].numpy(), expected, atol=1e-7)


@pytest.mark.parametrize("solver", ["closed_form", "proximal", "admm", "lbfgs"])
def test_every_solver_of_squares_gives_that_of_dense_algebra(solver):
    energy = GaussianLikelihood(A, Y, sigma=0.3) + WEIGHTS * Tikhonov("identity", mean=0.5)
    trace = minimise(energy, X, solver=solver, steps=500, tolerance=1e-10, progress=False)
    for n, weight in enumerate(WEIGHTS.tolist()):
        normal = (DENSE.conj().T @ DENSE).real / 0.09 + weight * np.eye(N * N)
        b = (DENSE.conj().T @ Y[n].numpy().ravel()).real / 0.09 + weight * 0.5
        np.testing.assert_allclose(trace.x[n].ravel(), np.linalg.solve(normal, b), atol=1e-7)


def variation(x: cp.Variable) -> cp.Expression:
    one = np.eye(N, k=1) - np.eye(N)
    one[-1] = 0
    down, right = np.kron(one, np.eye(N)) @ x, np.kron(np.eye(N), one) @ x
    return cp.sum(cp.norm(cp.vstack([down, right]), 2, axis=0))


@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_total_variation_from_some_frequencies_against_a_conic_solver(noise):
    seen = KEEP.numpy().ravel()
    if noise == "gaussian":
        energy, bounds = GaussianLikelihood(A, Y[:1], sigma=0.3), (0.0, 0.8)
    else:
        energy, bounds = LaplaceLikelihood(A, Y[:1], scale=0.3), None
    settings = {"solver": "admm", "steps": 1000, "tolerance": 1e-5, "progress": False}
    trace = minimise(energy + 2.0 * TotalVariation(), Pixels(X[:1], bounds=bounds), **settings)
    x, y = cp.Variable(N * N), Y[0].numpy().ravel()[seen]
    parts = cp.vstack([DENSE[seen].real @ x - y.real, DENSE[seen].imag @ x - y.imag])
    data = cp.sum_squares(parts) / 0.18 if noise == "gaussian" else cp.sum(cp.norm(parts, 2, axis=0)) / 0.3
    limits = [] if bounds is None else [x >= bounds[0], x <= bounds[1]]
    problem = cp.Problem(cp.Minimize(data + 2 * variation(x)), limits)
    problem.solve(solver="CLARABEL")
    assert trace.converged.all()
    np.testing.assert_allclose(trace.energy[-1], [problem.value], rtol=1e-4)
    np.testing.assert_allclose(trace.x.ravel(), x.value, atol=5e-3)


def test_a_run_with_complex_splits_is_taken_up_bit_for_bit(tmp_path):
    def run(path, steps):
        energy = LaplaceLikelihood(A, Y, scale=0.3) + TotalVariation()
        return minimise(energy, X, solver="admm", steps=steps, tolerance=0.0, checkpoint=path, progress=False)

    whole = run(None, 8)
    run(tmp_path / "run", 3)
    assert torch.equal(whole.x, run(tmp_path / "run", 8).x)


@pytest.mark.parametrize("kind", ["stationary", "dense"])
def test_the_posterior_of_a_gaussian_field_counts_both_parts(kind):
    """Against the density of the real vector (Re y, Im y), by dense algebra in NumPy."""
    field = StationaryField.power_law((N, N), std=0.2)
    prior = field if kind == "stationary" else DenseField(field.covariance(), (1, N, N), mean=field.mean)
    posterior = prior.posterior(A, Y, sigma=0.3)
    trace = minimise(GaussianLikelihood(A, Y, sigma=0.3) + prior, X, tolerance=1e-12, progress=False)
    torch.testing.assert_close(posterior.mean, trace.x, rtol=0, atol=1e-8)
    rows = np.concatenate([DENSE.real, DENSE.imag])
    covariance = rows @ field.covariance().numpy() @ rows.T + 0.09 * np.eye(2 * N * N)
    mean = rows @ field.mean.expand(1, 1, N, N).numpy().ravel()
    for n in range(2):
        y = Y[n].numpy().ravel()
        away = np.concatenate([y.real, y.imag]) - mean
        expected = away @ np.linalg.solve(covariance, away) + np.linalg.slogdet(2 * np.pi * covariance)[1]
        assert posterior.log_evidence[n].item() == pytest.approx(-expected / 2, rel=1e-9)
    assert posterior.sample(2, seed=0).dtype == torch.float64


def test_the_discrepancy_is_one_at_the_truth():
    """Over 400 draws of about 44 numbers its mean has a deviation of sqrt(2 / 44 / 400) = 0.011."""
    draws = torch.randn(400, 1, N, N, generator=torch.Generator().manual_seed(3), dtype=torch.complex128)
    y = A(X[:1]) + 0.1 * 2**0.5 * KEEP * draws  # torch's complex numbers have a variance of 1/2 in each part
    values = discrepancy(A, X[:1].expand(400, -1, -1, -1), y, sigma=0.1)
    assert values.dtype == torch.float64 and values.mean().item() == pytest.approx(1, abs=0.05)
    with pytest.raises(ValueError, match="A x is a complex128 tensor .* but y is a float64"):
        discrepancy(A, X, Y.real, sigma=0.1)


test_what_does_not_fit_is_refused = refused(
    (lambda: GaussianLikelihood(A, Y.real, sigma=0.3)(X), "A x is complex but the measurement y is real"),
    (lambda: GaussianLikelihood(Identity(), Y, sigma=0.3), "y must be a float tensor of shape"),
    (lambda: GaussianLikelihood(lambda x: x, Y, sigma=0.3)(X), "A x is real but the measurement y is complex"),
    (
        lambda: StationaryField.power_law((N, N)).posterior(A, Y.real, sigma=0.3),
        "complex128.*but the measurement y",
    ),
    (lambda: PoissonLikelihood(A, Y, peak=3.0), "counts, which are real"),
    (lambda: GaussianLikelihood(A, Y * float("nan"), sigma=0.3), "not finite"),
    (lambda: GaussianLikelihood(A, Y, sigma=0.3)(Y), "takes a float tensor"),
)
