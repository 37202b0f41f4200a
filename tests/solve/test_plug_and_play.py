"""Plug-and-play ends where theory says: dense algebra for linear denoisers, total variation for its own step."""

import numpy as np
import pytest
import torch

import deeprestore_lab as drl
from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import trained_denoiser
from deeprestore_lab.operators import Blur, Gradient, Identity, Mask, as_matrix
from deeprestore_lab.parametrisations import Fourier, Pixels
from deeprestore_lab.priors import DenoiserScore, Tikhonov, TotalVariation
from deeprestore_lab.signal.kernels import gaussian_kernel
from deeprestore_lab.solve.choice import SOLVERS
from deeprestore_lab.solve.problem import Problem
from refusals import refused

N, TAU, LEVEL, SIGMA = 5, 0.7, 0.2, 0.3
SHAPE = (1, N, N)


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


KERNEL = torch.tensor([[0, 1, 0], [1, 3, 2], [0, 1, 0]], dtype=torch.float64) / 8
OPERATORS = {
    "identity": Identity(),
    "blur": Blur(KERNEL),
    "mask": Mask(rand(N, N, seed=1) > 0.4),
    "masked blur": Mask(rand(N, N, seed=1) > 0.4) @ Blur(KERNEL),
}
LAPLACE = as_matrix(Gradient(), SHAPE).numpy().T @ as_matrix(Gradient(), SHAPE).numpy()
SMOOTHER = np.linalg.inv(np.eye(N * N) + TAU * LAPLACE)  # D = (I + tau L)^-1, the proximal step of tau/2 x^T L x
WEIGHTS = torch.tensor([0.5, 2.0], dtype=torch.float64)
Y = rand(2, *SHAPE)


def smoother(v: torch.Tensor) -> torch.Tensor:
    return (v.flatten(1) @ torch.from_numpy(SMOOTHER).mT).reshape(v.shape)


LINEAR = DenoiserScore(smoother, sigma=LEVEL)


def squares(operator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, b) of E = 1/2 x^T H x - b^T x for image n."""
    A = as_matrix(operator, SHAPE).numpy()
    return A.T @ A / SIGMA**2, A.T @ operator(Y)[n].numpy().ravel() / SIGMA**2


def data(operator) -> GaussianLikelihood:
    return GaussianLikelihood(operator, operator(Y), sigma=SIGMA)


@pytest.mark.parametrize("solver", ["pnp_admm", "pnp_proximal"])
@pytest.mark.parametrize("name", OPERATORS)
def test_a_linear_denoiser_gives_the_minimum_in_closed_form(name, solver):
    """D is the step of sigma^2 R with R = tau / (2 sigma^2) x^T L x, so the answer is that of E + lambda R."""
    energy = data(OPERATORS[name]) + WEIGHTS * LINEAR
    trace = minimise(energy, rand(2, *SHAPE, seed=5), solver=solver, steps=1000, tolerance=1e-8, progress=False)
    assert trace.stopped_by == ["tolerance", "tolerance"]
    for n, weight in enumerate(WEIGHTS.tolist()):
        H, b = squares(OPERATORS[name], n)
        expected = np.linalg.solve(H + weight * TAU / LEVEL**2 * LAPLACE, b)
        np.testing.assert_allclose(trace.x[n].ravel(), expected, atol=1e-6)


@pytest.mark.parametrize("name", OPERATORS)
def test_half_quadratic_splitting_balances_the_data_by_the_score(name):
    """Its x solves (H + rho (I - D)) x = b, which is grad E = lambda score; what is shown is D x."""
    energy = data(OPERATORS[name]) + WEIGHTS * LINEAR
    trace = minimise(energy, rand(2, *SHAPE), solver="pnp_hqs", steps=1000, tolerance=1e-8, progress=False)
    for n, weight in enumerate(WEIGHTS.tolist()):
        (H, b), rho = squares(OPERATORS[name], n), weight / LEVEL**2
        x = np.linalg.solve(H + rho * (np.eye(N * N) - SMOOTHER), b)
        np.testing.assert_allclose(trace.x[n].ravel(), SMOOTHER @ x, atol=1e-6)
        score = weight * LINEAR.score(torch.from_numpy(x.reshape(1, *SHAPE)))
        np.testing.assert_allclose(H @ x - b, score.numpy().ravel(), atol=1e-9)


@pytest.mark.parametrize("solver", ["pnp_admm", "pnp_proximal"])
def test_the_step_of_total_variation_gives_what_total_variation_gives(solver):
    prior, operator = TotalVariation(gap=1e-10, steps=20000), OPERATORS["blur"]
    black_box = DenoiserScore(lambda v: prior.prox(v, LEVEL**2), sigma=LEVEL)
    settings = {"steps": 2000, "progress": False, "tolerance": 1e-7}
    trace = minimise(data(operator) + 2.0 * black_box, Y, solver=solver, **settings)
    expected = minimise(data(operator) + 2.0 * TotalVariation(), Y, solver="admm", **settings | {"tolerance": 1e-9})
    assert trace.converged.all()
    torch.testing.assert_close(trace.x, expected.x, rtol=0, atol=1e-5)


def test_one_term_with_a_proximal_step_stands_for_the_data():
    energy = LaplaceLikelihood(Identity(), Y, scale=0.3)
    trace = minimise(energy + LINEAR, Y, steps=5000, tolerance=1e-9, progress=False)
    prior = TAU / LEVEL**2 * Tikhonov("gradient")
    expected = minimise(energy + prior, Y, solver="admm", steps=5000, tolerance=1e-9, progress=False)
    assert trace.solver == "pnp_admm" and trace.converged.all()
    torch.testing.assert_close(trace.x, expected.x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("solver", ["pnp_admm", "pnp_hqs", "pnp_proximal"])
def test_an_image_alone_gives_the_same_and_stops_by_itself(solver):
    levels = torch.tensor([0.2, 0.25], dtype=torch.float64)

    def run(images: slice):
        energy = GaussianLikelihood(Identity(), Y[images], sigma=SIGMA) + WEIGHTS[images] * DenoiserScore(
            smoother, sigma=levels[images]
        )
        return minimise(energy, Y[images], solver=solver, tolerance=1e-5, steps=500, progress=False)

    both = run(slice(0, 2))
    assert both.steps[0] != both.steps[1] and both.converged.all()
    for n in range(2):
        alone = run(slice(n, n + 1))
        assert alone.steps[0] == both.steps[n]
        torch.testing.assert_close(alone.x[0], both.x[n], rtol=0, atol=1e-12)


@pytest.mark.parametrize("solver", ["pnp_admm", "pnp_hqs", "pnp_proximal"])
def test_the_trace_shows_the_residual_and_what_has_no_value(solver):
    trace = minimise(data(OPERATORS["blur"]) + LINEAR, Y, solver=solver, progress=False)
    assert trace.without_value == ["denoiser"] and list(trace.terms) == ["gaussian likelihood"]
    torch.testing.assert_close(trace.energy[-1], data(OPERATORS["blur"])(trace.x))
    assert trace.residual.shape == trace.energy.shape and torch.isinf(trace.residual[0]).all()
    assert (trace.residual[-1] <= 1e-4).all() and (trace.residual[-2].amax() > 1e-4)
    assert "no value of denoiser, residual" in repr(trace)
    plain = minimise(data(OPERATORS["blur"]) + Tikhonov(), Y)
    assert plain.residual is None and plain.without_value == []


def test_a_denoiser_without_a_fixed_point_takes_all_its_steps_and_says_so():
    wild = DenoiserScore(lambda v: 1 - 1.5 * v, sigma=LEVEL)
    trace = minimise(data(Identity()) + 10.0 * wild, Y, steps=12, progress=False)
    assert trace.stopped_by == ["steps", "steps"] and not trace.converged.any() and (trace.residual[-1] > 0.1).all()


def test_the_strength_stays_as_it_was_given():
    """ADMM on an energy balances its penalty; here the penalty is the strength, and another one another answer."""
    stepper = SOLVERS["pnp_admm"](Problem(data(Identity()) + WEIGHTS * LINEAR, Pixels(Y)), tolerance=0.0)
    for _ in range(50):
        stepper.step(torch.ones(2, dtype=torch.bool))
    torch.testing.assert_close(stepper.rho, WEIGHTS / LEVEL**2)
    weak, strong = (minimise(data(Identity()) + w * LINEAR, Y, progress=False).x for w in (0.1, 10.0))
    assert Tikhonov()(strong).sum() < 0.5 * Tikhonov()(weak).sum()


@pytest.mark.parametrize("solver", ["pnp_admm", "pnp_hqs", "pnp_proximal"])
def test_a_run_taken_up_again_gives_the_same_bits(solver, tmp_path):
    def run(path, steps, denoiser=LINEAR):
        return minimise(
            data(OPERATORS["blur"]) + denoiser,
            Y,
            solver=solver,
            steps=steps,
            tolerance=0.0,
            checkpoint=path,
            progress=False,
        )

    whole = run(None, 9)
    run(tmp_path / "run", 4)
    again = run(tmp_path / "run", 9)
    assert torch.equal(whole.x, again.x) and torch.equal(whole.residual, again.residual)
    other = DenoiserScore(lambda v: smoother(v) / 2, sigma=LEVEL)
    with pytest.raises(ValueError, match="another problem: .*denoise.* differs"):
        run(tmp_path / "run", 9, other)


def test_a_shipped_denoiser_deblurs_better_than_total_variation():
    """Told its level and taken at its word (weight 1), against total variation at its own weight 1 and at better ones.

    Total variation sees the truth when its best weight is chosen, the denoiser does not.
    """
    x = drl.images.photograph("astronaut", size=64)
    A, sigma = Blur(gaussian_kernel(1.2, size=9), border="reflect"), 5 / 255
    y = A(x) + drl.images.gaussian_noise(x, sigma=sigma, seed=0)
    likelihood, weights = GaussianLikelihood(A, y, sigma=sigma), torch.tensor([0.12, 0.25, 1.0])
    start, prior = y.expand(3, -1, -1, -1), TotalVariation().calibrated(sigma)
    rivals = minimise(likelihood + weights * prior, start, solver="admm", tolerance=1e-2, progress=False)
    theirs = psnr(rivals.x, x.expand_as(start))
    denoiser = DenoiserScore(trained_denoiser(), sigma=25 / 255, told=True)
    trace = minimise(likelihood + denoiser, y, reference=x, progress=False)
    assert trace.solver == "pnp_admm" and trace.converged.all()
    assert trace.psnr[-1].item() > max(trace.psnr[0].item() + 3, theirs[-1].item() + 0.5, theirs.max().item() + 0.1)


test_what_cannot_be_done_is_refused_with_a_reason = refused(
    (lambda: minimise(data(Identity()) + Tikhonov(), Y, solver="pnp_admm"), "for a denoiser that has no value"),
    (lambda: minimise(data(Identity()) + LINEAR + LINEAR, Y), "takes one denoiser.*denoiser, denoiser"),
    (lambda: minimise(data(Identity()) + LINEAR, Pixels(Y, bounds=(0, 1))), "has bounds"),
    (lambda: minimise(data(Identity()) + LINEAR, Fourier(Y)), "not pixels"),
    (lambda: minimise(torch.tensor([0.0, 1.0]) * LINEAR + data(Identity()), Y), "weight must be above 0"),
    (lambda: minimise(1.0 * LINEAR, Y), "nothing but a denoiser"),
    (lambda: minimise(data(Identity()) + LINEAR, Y, jitter=1), "jitter"),
    (lambda: minimise(data(Identity()) + LINEAR + TotalVariation(), Y), "total variation is not quadratic"),
    (
        lambda: minimise(data(Identity()) + 0.01 * LINEAR, Y, solver="pnp_proximal"),
        r"steps of sigma\^2 / weight = 4 must be shorter than 0.18",
    ),
    (
        lambda: minimise(PoissonLikelihood(Identity(), Y, peak=9.0) + LINEAR, Y, solver="pnp_proximal"),
        "poisson likelihood has none; use pnp_admm",
    ),
)


def test_a_weight_of_zero_leaves_the_denoiser_out():
    trace = minimise(data(Identity()) + 0.0 * LINEAR, Y, progress=False)
    assert trace.solver == "closed_form" and trace.without_value == []
    torch.testing.assert_close(trace.x, Y)
