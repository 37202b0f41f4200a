"""Proximal, ADMM and closed form against a conic solver and dense linear algebra, on problems small enough for both."""

import cvxpy as cp
import numpy as np
import pytest
import torch

from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.operators import Blur, Downsample, Gradient, Identity, Mask
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import Tikhonov, TotalVariation
from deeprestore_lab.solve import minimise
from deeprestore_lab.solve.admm import ADMM
from deeprestore_lab.solve.closed_form import ClosedForm
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.proximal import Proximal

H, W = 6, 6
WEIGHTS = torch.tensor([0.5, 2.0], dtype=torch.float64)
KERNEL = torch.tensor([[0, 1, 0], [1, 3, 2], [0, 1, 0]], dtype=torch.float64) / 8
OPERATORS = {
    "identity": Identity(),
    "mask": Mask(torch.rand(H, W, generator=torch.Generator().manual_seed(1)) > 0.4),
    "circular blur": Blur(KERNEL),
    "reflecting blur": Blur((KERNEL + KERNEL.flip(1)) / 2, border="reflect"),
    "average": Downsample(2, kernel="average"),
}


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(operator) -> np.ndarray:
    columns = operator.apply(torch.eye(H * W, dtype=torch.float64).reshape(H * W, 1, H, W))
    return columns.flatten(1).T.numpy()


def differences() -> tuple[np.ndarray, np.ndarray]:
    one = np.eye(H, k=1) - np.eye(H)
    one[-1] = 0
    return np.kron(one, np.eye(W)), np.kron(np.eye(H), one)


def variation(x: cp.Variable, kind: str) -> cp.Expression:
    down, right = (d @ x for d in differences())
    if kind == "anisotropic":
        return cp.norm1(down) + cp.norm1(right)
    return cp.sum(cp.norm(cp.vstack([down, right]), 2, axis=0))


def lowest(data, prior, bounds: tuple[float, float] | None = None) -> list[float]:
    """The minimum of data(x, n) + prior(x, n) for both images, by a conic solver."""
    found = []
    for n in range(2):
        x = cp.Variable(H * W)
        limits = [] if bounds is None else [x >= bounds[0], x <= bounds[1]]
        problem = cp.Problem(cp.Minimize(data(x, n) + prior(x, n)), limits)
        problem.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
        found.append(problem.value)
    return found


def check(trace, expected: list[float], bounds=None, rtol: float = 1e-5) -> None:
    assert trace.converged.all(), trace.stopped_by
    np.testing.assert_allclose(trace.energy[-1], expected, rtol=rtol)
    if bounds is not None:
        assert trace.x.min() >= bounds[0] and trace.x.max() <= bounds[1]


@pytest.mark.parametrize("solver", ["proximal", "admm"])
@pytest.mark.parametrize("bounds", [None, (0.3, 0.6)])
@pytest.mark.parametrize("kind", ["isotropic", "anisotropic"])
@pytest.mark.parametrize("name", OPERATORS)
def test_total_variation_with_gaussian_noise(name, kind, bounds, solver):
    operator = OPERATORS[name]
    y, matrix = operator.apply(rand(2, 1, H, W)), dense(operator)
    expected = lowest(
        lambda x, n: cp.sum_squares(matrix @ x - y[n].numpy().ravel()) / (2 * 0.3**2),
        lambda x, n: float(WEIGHTS[n]) * variation(x, kind),
        bounds,
    )
    energy = GaussianLikelihood(operator, y, sigma=0.3) + WEIGHTS * TotalVariation(kind=kind)
    start = Pixels(rand(2, 1, H, W, seed=5), bounds=bounds)
    tolerance = {"proximal": 1e-6, "admm": 1e-8}[solver]
    trace = minimise(energy, start, solver=solver, steps=4000, tolerance=tolerance, progress=False)
    check(trace, expected, bounds)


@pytest.mark.parametrize("bounds", [None, (0.3, 0.6)])
@pytest.mark.parametrize("name", ["identity", "mask", "reflecting blur"])
def test_two_terms_with_kinks_by_admm(name, bounds):
    operator = OPERATORS[name]
    y, matrix = operator.apply(rand(2, 1, H, W)), dense(operator)
    expected = lowest(
        lambda x, n: cp.norm1(matrix @ x - y[n].numpy().ravel()) / 0.3,
        lambda x, n: float(WEIGHTS[n]) * variation(x, "isotropic") + cp.sum_squares(x - 0.5) / 2,
        bounds,
    )
    energy = LaplaceLikelihood(operator, y, scale=0.3) + WEIGHTS * TotalVariation() + Tikhonov("identity", mean=0.5)
    trace = minimise(
        energy, Pixels(rand(2, 1, H, W, seed=5), bounds=bounds), steps=4000, tolerance=1e-6, progress=False
    )
    assert trace.solver == "admm"
    check(trace, expected, bounds)


@pytest.mark.parametrize(("solver", "bounds"), [("admm", None), ("admm", (0.2, 0.6)), ("proximal", (0.2, 0.6))])
def test_counts_with_total_variation(solver, bounds):
    y = (rand(2, 1, H, W) * 5).floor() / 5  # some are zero
    expected = lowest(
        lambda x, n: 5 * cp.sum(cp.kl_div(y[n].numpy().ravel(), x)),
        lambda x, n: float(WEIGHTS[n]) * variation(x, "isotropic"),
        bounds,
    )
    energy = PoissonLikelihood(Identity(), y, peak=5.0) + WEIGHTS * TotalVariation()
    start = Pixels(torch.full_like(y, 0.5), bounds=bounds)
    check(minimise(energy, start, solver=solver, steps=4000, tolerance=1e-6, progress=False), expected, bounds)


def test_gradient_steps_on_counts_without_bounds_are_refused():
    energy = PoissonLikelihood(Identity(), rand(1, 1, H, W), peak=5.0) + TotalVariation()
    with pytest.raises(ValueError, match="below zero.*ADMM"):
        minimise(energy, rand(1, 1, H, W), solver="proximal")


@pytest.mark.parametrize("solver", ["proximal", "admm"])
@pytest.mark.parametrize("name", ["identity", "mask"])
def test_an_image_alone_comes_out_as_in_a_batch(name, solver):
    operator, weights = OPERATORS[name], torch.tensor([0.3, 3.0, 1.0], dtype=torch.float64)
    y = operator.apply(rand(3, 3, H, W))
    energy = GaussianLikelihood(operator, y, sigma=0.1) + weights * TotalVariation()
    together = minimise(energy, y, solver=solver, steps=60, tolerance=1e-5, progress=False)
    for n in range(3):
        alone = GaussianLikelihood(operator, y[n : n + 1], sigma=0.1) + weights[n : n + 1] * TotalVariation()
        trace = minimise(alone, y[n : n + 1], solver=solver, steps=60, tolerance=1e-5, progress=False)
        assert trace.steps[0] == together.steps[n]
        torch.testing.assert_close(trace.x[0], together.x[n], rtol=1e-9, atol=1e-11)


def test_weights_that_scale_together_leave_the_solution():
    y = rand(1, 3, H, W)
    data, prior = GaussianLikelihood(Identity(), y, sigma=0.2), TotalVariation(gap=1e-9)
    settings = {"steps": 5, "tolerance": 1e-9, "progress": False}
    once, scaled = minimise(data + 2 * prior, y, **settings), minimise(7 * data + 14 * prior, y, **settings)
    assert once.solver == "proximal"
    torch.testing.assert_close(once.x, scaled.x, rtol=0, atol=1e-6)
    torch.testing.assert_close(7 * once.energy[-1], scaled.energy[-1], rtol=1e-8, atol=0)


@pytest.mark.parametrize("prior", ["identity", "gradient"])
@pytest.mark.parametrize("name", OPERATORS)
def test_closed_form_is_that_of_dense_algebra(name, prior):
    operator = OPERATORS[name]
    y, matrix = operator.apply(rand(2, 1, H, W)), dense(operator)
    own = np.eye(H * W) if prior == "identity" else np.concatenate(differences())
    target = 0.4 if prior == "identity" else 0.0
    trace = minimise(
        GaussianLikelihood(operator, y, sigma=0.3) + WEIGHTS * Tikhonov(prior, mean=0.4),
        rand(2, 1, H, W, seed=5),
        tolerance=1e-12,
    )
    assert trace.solver == "closed_form" and trace.converged.all()
    for n, weight in enumerate(WEIGHTS.tolist()):
        normal = matrix.T @ matrix / 0.09 + weight * own.T @ own
        right = matrix.T @ y[n].numpy().ravel() / 0.09 + weight * own.T @ np.full(len(own), target)
        np.testing.assert_allclose(trace.x[n].ravel(), np.linalg.solve(normal, right), atol=1e-8)


@pytest.mark.parametrize(
    ("name", "prior", "method"),
    [
        ("identity", "identity", "division"),
        ("identity", "gradient", "dct"),
        ("circular blur", "identity", "fft"),
        ("mask", "identity", "solve"),
        ("mask", "gradient", "conjugate gradients"),
    ],
)
def test_closed_form_says_how_it_was_solved(name, prior, method):
    energy = GaussianLikelihood(OPERATORS[name], rand(1, 1, H, W), sigma=0.3) + Tikhonov(prior)
    stepper = ClosedForm(Problem(energy, Pixels(rand(1, 1, H, W))), tolerance=1e-8)
    stepper.step(torch.ones(1, dtype=torch.bool))
    assert stepper.method == method


@pytest.mark.parametrize("name", OPERATORS)
def test_closed_form_without_a_prior_is_the_solution_of_smallest_norm(name):
    operator = OPERATORS[name]
    y = operator.apply(rand(1, 1, H, W))
    trace = minimise(GaussianLikelihood(operator, y, sigma=0.3), rand(1, 1, H, W, seed=5), tolerance=1e-12)
    expected = np.linalg.pinv(dense(operator), rcond=1e-10) @ y.numpy().ravel()
    np.testing.assert_allclose(trace.x.ravel(), expected, atol=1e-6)


def test_admm_splits_a_blur_off_where_that_makes_its_equations_exact():
    energy = GaussianLikelihood(OPERATORS["circular blur"], rand(1, 1, H, W), sigma=0.3) + TotalVariation()
    stepper = ADMM(Problem(energy, Pixels(rand(1, 1, H, W))), tolerance=1e-6)
    assert not stepper.quadratics and len(stepper.splits) == 2


def test_conjugate_gradients_solve_each_equation_to_its_tolerance():
    factor = rand(1, 60, 60).expand(3, 60, 60)
    matrix = factor @ factor.mT + torch.eye(60, dtype=torch.float64)
    b, tolerance = rand(1, 60, seed=2).expand(3, 60), torch.tensor([1e-2, 1e-6, 1e-12], dtype=torch.float64)
    x, taken, residual = conjugate_gradients(lambda v: (matrix @ v[..., None])[..., 0], b, tolerance=tolerance)
    true = (b - (matrix @ x[..., None])[..., 0]).norm(dim=1) / b.norm(dim=1)
    assert (true <= 2 * tolerance).all() and (taken.diff() > 0).all()
    torch.testing.assert_close(residual, true, rtol=1e-3, atol=1e-14)
    np.testing.assert_allclose(x[2], np.linalg.solve(matrix[2].numpy(), b[2].numpy()), rtol=1e-6)


def test_conjugate_gradients_leave_what_is_zero():
    x, taken, residual = conjugate_gradients(lambda v: 2 * v, torch.zeros(2, 3))
    assert not x.any() and taken.tolist() == [0, 0] and residual.tolist() == [0, 0]


def test_single_precision_stops_where_rounding_hides_what_is_left():
    """A blur leaves small gradients: in float32 the inner step cannot follow them, and the energy has settled."""
    generator = torch.Generator().manual_seed(3)
    x = torch.zeros(1, 3, 48, 48)
    x[..., 12:36, 16:40] = 0.8
    blur = Blur(torch.full((5, 5), 1 / 25), border="reflect")
    y = blur(x) + 0.02 * torch.randn(x.shape, generator=generator)

    def energy(y):
        return GaussianLikelihood(blur, y, sigma=0.02) + 20.0 * TotalVariation()

    single = minimise(energy(y), y, solver="proximal", tolerance=1e-6, steps=400, progress=False)
    exact = minimise(energy(y.double()), y.double(), solver="proximal", tolerance=1e-6, steps=4000, progress=False)
    assert single.stopped_by == ["tolerance"]
    assert single.energy[-1, 0] < exact.energy[-1, 0] * (1 + 1e-4)


def test_another_penalty_leaves_the_multipliers_of_admm_as_they_were():
    """u is the multiplier over rho: where a penalty is balanced, rho u must not jump."""
    energy = LaplaceLikelihood(Identity(), rand(2, 1, H, W), scale=0.3) + WEIGHTS * TotalVariation()
    solver = ADMM(Problem(energy, Pixels(rand(2, 1, H, W, seed=5))), tolerance=1e-6)
    every = torch.ones(2, dtype=torch.bool)
    for _ in range(3):
        before = list(solver.z)
        solver.step(every)
    solver.rho = [1e4 * rho for rho in solver.rho]  # so that each must be balanced
    solver.u = [u / 1e4 for u in solver.u]
    images = [operator.apply(solver.x) for _, operator, _ in solver.splits]
    penalties, pulls = list(solver.rho), [solver._force(j, u) for j, u in enumerate(solver.u)]
    solver._balance(images, before, every)
    assert any(bool((new < old).any()) for new, old in zip(solver.rho, penalties, strict=True))
    for j, pull in enumerate(pulls):
        torch.testing.assert_close(solver._force(j, solver.u[j]), pull)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_warm_start_of_a_singular_equation_ends_at_rounding(dtype):
    """Nothing but the mean of x is left free: conjugate gradients keep it and do not run on what rounding leaves."""
    start, gradient = rand(2, 1, 16, 16).to(dtype), Gradient()
    flat = start.mean((2, 3), keepdim=True).expand_as(start)
    x = start
    for most in (1000, 5):  # the second start solves the equation up to rounding
        x, taken, _ = conjugate_gradients(lambda v: gradient.adjoint(gradient.apply(v)), torch.zeros_like(x), x=x)
        torch.testing.assert_close(x, flat, rtol=0, atol=100 * torch.finfo(dtype).eps)
        assert (taken < most).all()


def test_admm_stays_where_the_data_say_nothing():
    x, weights = rand(2, 1, 16, 16).float(), torch.tensor([0.0, 0.5])
    data = weights * GaussianLikelihood(Blur(torch.ones(3, 3) / 9), x, sigma=0.2)
    kinked = data + 0.3 * TotalVariation() + 0.1 * TotalVariation(kind="anisotropic")
    for energy in (kinked, data + 0.3 * Tikhonov()):
        trace = minimise(energy, x, solver="admm", steps=60, progress=False)
        assert trace.x.abs().max() < 2 and trace.energy[-1, 0] < 0.01


def test_conjugate_gradients_are_as_exact_for_small_numbers_as_for_large_ones():
    """The tolerance is a share of ||b||: the same steps for b and for any multiple of it."""
    matrix = torch.diag(torch.arange(1.0, 31.0, dtype=torch.float64))
    b = rand(1, 30)
    results = [conjugate_gradients(lambda x: x @ matrix, scale * b, tolerance=1e-4) for scale in (1.0, 1e-6, 1e6)]
    assert 3 < int(results[0][1]) < 30
    for scale, (x, taken, _) in zip((1.0, 1e-6, 1e6), results, strict=True):
        assert torch.equal(taken, results[0][1])
        torch.testing.assert_close(x / scale, results[0][0])


def test_conjugate_gradients_leave_what_no_equation_explains():
    """H = diag(2, 0): of b = (0, 1) nothing can be reached; of (2, 1) the first number can, and then it ends."""
    matrix = torch.tensor([2.0, 0.0], dtype=torch.float64)
    b = torch.tensor([[0.0, 1.0], [2.0, 1.0]], dtype=torch.float64)
    x, taken, residual = conjugate_gradients(lambda v: matrix * v, b)
    assert x.isfinite().all() and x[0].tolist() == [0.0, 0.0] and taken[0] == 0 and residual[0] == 1


@pytest.mark.parametrize("share", [1.0, 1e-3])
def test_the_optimality_of_admm_is_the_larger_of_both_residuals(share):
    """||K x - z|| over the larger of ||K x|| and ||z||; ||sum_j rho_j K_j*(z_j - z_j before)|| over ||rho K* u||.

    With its own penalties the second is the larger one, with much smaller ones the first.
    """
    energy = LaplaceLikelihood(Identity(), rand(2, 1, H, W), scale=0.3) + WEIGHTS * TotalVariation()
    solver = ADMM(Problem(energy, Pixels(rand(2, 1, H, W, seed=5))), tolerance=1e-6)
    solver.rho = [share * rho for rho in solver.rho]

    def squared(v: torch.Tensor) -> torch.Tensor:
        return v.flatten(1).square().sum(1)

    seen = []
    for _ in range(8):
        before = list(solver.z)
        optimality = solver.step(torch.ones(2, dtype=torch.bool))
        moved, force, apart, images, parts = 0.0, 0.0, 0.0, 0.0, 0.0
        for rho, (_, operator, _), z, old, u in zip(solver.rho, solver.splits, solver.z, before, solver.u, strict=True):
            each, image = rho.reshape(-1, 1, 1, 1), operator.apply(solver.x)
            moved, force = moved + each * operator.adjoint(z - old), force + squared(each * operator.adjoint(u))
            apart, images, parts = apart + squared(image - z), images + squared(image), parts + squared(z)
        dual = squared(moved).sqrt() / force.sqrt()
        primal = apart.sqrt() / torch.maximum(images, parts).sqrt()
        torch.testing.assert_close(optimality, torch.maximum(primal, dual))
        seen.append(dual > primal)
    assert (torch.stack(seen)[1:] == (share == 1)).all()


def test_the_optimality_of_proximal_steps_is_their_residual_over_the_gradient():
    """L ||x - z|| / ||grad F(z)||, of which at least a hundredth of the largest counts; L = ||A||^2 / sigma^2."""
    mask, y, start = 1 + 2 * rand(1, 1, H, W, seed=3), rand(2, 1, H, W), rand(2, 1, H, W, seed=5)
    energy = GaussianLikelihood(Mask(mask), y, sigma=0.3) + 1e-3 * WEIGHTS * LaplaceLikelihood(Identity(), y, scale=0.3)
    problem = Problem(energy, Pixels(start))
    solver, largest, small = Proximal(problem, tolerance=1e-6), torch.zeros(2, dtype=torch.float64), False
    lipschitz = float(mask.max()) ** 2 / 0.09
    for _ in range(40):
        z = solver.z.clone()
        optimality = solver.step(torch.ones(2, dtype=torch.bool))
        size = (mask * (mask * z - y) / 0.09).flatten(1).norm(dim=1)
        largest = torch.maximum(largest, size)
        residual = lipschitz * (problem.theta - z).flatten(1).norm(dim=1)
        torch.testing.assert_close(optimality, residual / torch.maximum(size, largest / 100))
        small |= bool((size < largest / 100).all())
    assert small
