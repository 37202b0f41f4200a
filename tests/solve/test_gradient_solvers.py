"""Adam and L-BFGS reach optima that dense algebra and SciPy give."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, GaussianLikelihood, PoissonLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.operators.matrix import MatrixOperator
from deeprestore_lab.parametrisations import Dictionary, Fourier, Pixels
from deeprestore_lab.priors import AlphaNorm, Tikhonov, TotalVariation
from deeprestore_lab.solve.line_search import Trial, strong_wolfe
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.training import cosine

ADAM = {"solver": "adam", "lr": cosine(0.05, 2500), "steps": 2500}


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scipy_optimum(energy: Energy, parametrisation, *, bounds=None):
    """SciPy's minimum of the energy of one image, and how many evaluations it took."""
    problem = Problem(energy, parametrisation)
    shape = problem.theta.shape

    def both(v: np.ndarray):
        at = problem.evaluate(torch.tensor(v).reshape(shape))
        return at.total.item(), at.gradient.numpy().ravel()

    box = None if bounds is None else [bounds] * problem.theta.numel()
    options = {"maxiter": 5000, "maxfun": 10000, "ftol": 1e-16, "gtol": 1e-8}
    return minimize(both, problem.theta.numpy().ravel(), jac=True, method="L-BFGS-B", bounds=box, options=options)


class Rosenbrock(Energy):
    """The curved valley, not convex, with its minimum 0 where all values are 1."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        v = x.flatten(1)
        return (100 * (v[:, 1:] - v[:, :-1] ** 2) ** 2 + (1 - v[:, :-1]) ** 2).sum(1)


class Pushed(Rosenbrock):
    """The same for all values but the last, which is pushed up with a force of 1000."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return super().value(x[..., :-1]) - 1000 * x[..., -1].flatten(1).sum(1)


def dense_optimum(matrix: np.ndarray, y: np.ndarray, *, precision: float, weight: float) -> np.ndarray:
    """argmin of precision / 2 ||A x - y||^2 + weight / 2 ||x - 0.5||^2."""
    normal = precision * matrix.T @ matrix + weight * np.eye(matrix.shape[1])
    return np.linalg.solve(normal, precision * matrix.T @ y + weight * 0.5)


@pytest.mark.parametrize(("weight", "options"), [(1.0, {"solver": "lbfgs", "tolerance": 1e-11}), (300.0, ADAM)])
def test_quadratic_optimum_against_dense_algebra(weight, options):
    matrix, y = images(12, 16, seed=1), images(2, 12, seed=2)
    operator = MatrixOperator(matrix, (1, 4, 4), (12,))
    weights = torch.tensor([weight, 4 * weight], dtype=torch.float64)
    energy = GaussianLikelihood(operator, y, sigma=0.1) + weights * Tikhonov("identity", mean=0.5)
    trace = minimise(energy, images(2, 1, 4, 4), **options)
    for i in range(2):
        expected = dense_optimum(matrix.numpy(), y[i].numpy(), precision=100, weight=weights[i].item())
        np.testing.assert_allclose(trace.x[i].numpy().ravel(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "bounds"), [(Pixels, None), (Pixels, (0.1, 0.9)), (lambda x, bounds: Fourier(x, decay=1.0), None)]
)
def test_lbfgs_against_scipy(make, bounds):
    y = images(1, 1, 8, 8) * 1.4 - 0.2
    energy = GaussianLikelihood(Identity(), y, sigma=0.1) + 10 * TotalVariation(smoothing=0.1) + 0.5 * AlphaNorm()
    peer = scipy_optimum(energy, make(y, bounds=bounds), bounds=bounds)
    counter = Counting(energy)
    trace = minimise(counter, make(y, bounds=bounds), solver="lbfgs", tolerance=1e-8, steps=2000)
    assert trace.converged.all()
    np.testing.assert_allclose(trace.energy[-1].item(), peer.fun, rtol=1e-11)
    if make is Pixels:
        np.testing.assert_allclose(trace.x.numpy().ravel(), peer.x, atol=1e-5)
    assert counter.calls <= 1.5 * peer.nfev


class Counting(Energy):
    """An energy that counts how often it was evaluated."""

    def __init__(self, energy: Energy) -> None:
        self.energy, self.calls = energy, 0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.energy.value(x)


@pytest.mark.parametrize(("bounds", "best"), [(None, 1.0), ((-2.0, 3.0), 1.0)])
def test_lbfgs_leaves_a_curved_valley(bounds, best):
    x0 = torch.full((1, 1, 1, 4), -1.2, dtype=torch.float64)
    trace = minimise(Rosenbrock(), Pixels(x0, bounds=bounds), solver="lbfgs", tolerance=1e-9, steps=2000)
    peer = scipy_optimum(Rosenbrock(), Pixels(x0))
    np.testing.assert_allclose(trace.x.numpy().ravel(), peer.x if bounds is None else best, atol=2e-5)


@pytest.mark.parametrize("bounds", [None, (-1.5, 0.8)])
def test_lbfgs_stops_where_the_gradient_is_small_against_the_largest_of_the_run(bounds):
    """Without the values held at bounds, as one is all the time; from four places in the valley, each by itself."""
    x, energy, seen = 2 * images(4, 1, 1, 4) - 1.2, Rosenbrock(), []
    if bounds is not None:
        x, energy = torch.cat([x, torch.full_like(x[..., :1], bounds[1])], 3), Pushed()
    start = Pixels(x, bounds=bounds)
    settings = {"tolerance": 1e-2, "steps": 500, "progress": False}
    trace = minimise(energy, start, solver="lbfgs", callback=lambda step, x: seen.append(x), **settings)
    assert trace.stopped_by == ["tolerance"] * 4 and len(set(trace.steps.tolist())) > 1
    norms = []
    for x in seen:
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(energy(x).sum(), x)
        low, high = (-np.inf, np.inf) if bounds is None else bounds
        held = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        norms.append(gradient.masked_fill(held, 0).flatten(1).norm(dim=1))
    norms = torch.stack(norms)
    met = norms <= 1e-2 * norms.cummax(0).values
    for image, taken in enumerate(trace.steps.tolist()):
        assert met[taken, image] and not met[:taken, image].any()


def test_lbfgs_with_active_bounds_meets_the_optimality_conditions():
    matrix, y = images(10, 16, seed=3), images(1, 10, seed=4) * 4
    energy = GaussianLikelihood(MatrixOperator(matrix, (1, 4, 4), matrix.shape[:1]), y, sigma=0.5) + 0.1 * Tikhonov(
        "identity"
    )
    trace = minimise(energy, Pixels(images(1, 1, 4, 4), bounds=(0, 1)), solver="lbfgs", tolerance=1e-9, steps=3000)
    gradient = Problem(energy, Pixels(trace.x)).evaluate().gradient
    low, high = trace.x == 0, trace.x == 1
    assert low.any() or high.any()
    assert (gradient[low] >= 0).all() and (gradient[high] <= 0).all()
    assert gradient[~low & ~high].abs().max() < 1e-5


@pytest.mark.parametrize("bounds", [None, (0.0, 2.0)])
def test_lbfgs_steps_back_where_the_energy_is_infinite(bounds):
    y = images(1, 1, 6, 6) + 0.05
    if bounds is not None:
        y[0, 0, :2] = 0  # no counts: the optimum is at the bound
    energy = PoissonLikelihood(Identity(), y, peak=100.0) + 1.0 * Tikhonov("identity", mean=0.5)
    start = Pixels(torch.full_like(y, 0.01), bounds=bounds)
    trace = minimise(energy, start, solver="lbfgs", tolerance=1e-10, steps=300)
    b = 100 - 0.5  # 100 (1 - y / x) + (x - 0.5) = 0, of which the positive root
    expected = (-b + np.sqrt(b * b + 400 * y.numpy())) / 2
    np.testing.assert_allclose(trace.x, expected, rtol=1e-6, atol=1e-12)
    assert torch.isfinite(trace.energy).all()


def test_lbfgs_in_float32_comes_as_close_as_the_precision_lets_it():
    y = images(2, 3, 16, 16).float()
    energy = GaussianLikelihood(Identity(), y, sigma=0.1) + 8 * TotalVariation(smoothing=0.01)
    trace = minimise(energy, y, solver="lbfgs")
    exact = minimise(energy, y.double(), solver="lbfgs", tolerance=1e-9, steps=3000)
    assert (trace.x - exact.x).abs().max() < 1e-3
    assert trace.x.dtype == torch.float32 and trace.converged.all()


def test_adam_follows_torch():
    y = images(2, 1, 5, 5)
    energy = GaussianLikelihood(Identity(), y, sigma=0.2) + 3 * TotalVariation(smoothing=0.1)
    trace = minimise(energy, torch.zeros_like(y), solver="adam", steps=40, lr=0.03)
    peer = torch.zeros_like(y, requires_grad=True)
    optimiser = torch.optim.Adam([peer], lr=0.03)
    for _ in range(40):
        optimiser.zero_grad()
        energy(peer).sum().backward()
        optimiser.step()
    torch.testing.assert_close(trace.x, peer.detach(), rtol=1e-10, atol=1e-12)


def test_adam_takes_a_schedule_as_torch_does():
    """The first step has the rate of step 0."""
    y = images(1, 1, 4, 4)
    energy, schedule = GaussianLikelihood(Identity(), y, sigma=0.2), cosine(0.1, 8)
    trace = minimise(energy, torch.zeros_like(y), solver="adam", steps=8, lr=schedule)
    peer = torch.zeros_like(y, requires_grad=True)
    optimiser = torch.optim.Adam([peer], lr=1.0)
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule)
    for _ in range(8):
        optimiser.zero_grad()
        energy(peer).sum().backward()
        optimiser.step()
        rates.step()
    torch.testing.assert_close(trace.x, peer.detach(), rtol=1e-10, atol=1e-12)


def test_adam_holds_bounds_and_descends_on_a_kink():
    y = images(1, 1, 8, 8) * 1.6 - 0.3
    energy = GaussianLikelihood(Identity(), y, sigma=0.1) + 5 * TotalVariation()
    trace = minimise(energy, Pixels(y, bounds=(0, 1)), solver="adam", steps=600, lr=cosine(0.02, 600))
    assert trace.x.min() >= 0 and trace.x.max() <= 1
    smoothed = GaussianLikelihood(Identity(), y, sigma=0.1) + 5 * TotalVariation(smoothing=1e-4)
    best = scipy_optimum(smoothed, Pixels(y, bounds=(0, 1)), bounds=(0, 1))
    exact = energy(torch.tensor(best.x).reshape(y.shape)).item()
    assert trace.energy[-1].item() < exact * (1 + 1e-3)


def test_denoising_in_an_orthonormal_dictionary_is_a_soft_threshold():
    y = images(2, 1, 16, 16)
    weight = torch.tensor([2.0, 9.0], dtype=torch.float64)
    g = Dictionary(y, weight=weight, free_mean=False)
    analysis = g.adjoint(y)
    trace = minimise(GaussianLikelihood(Identity(), y, sigma=0.2), g)
    threshold = (weight * 0.2**2).reshape(2, 1, 1, 1, 1)
    expected = analysis.sign() * (analysis.abs() - threshold).clamp_min(0)
    assert trace.solver == "proximal"
    torch.testing.assert_close(g.theta.detach(), expected, rtol=1e-9, atol=1e-9)


def test_adam_with_steps_that_are_too_long_does_not_say_that_it_converged():
    y = torch.full((1, 1, 4, 4), 0.5)
    trace = minimise(GaussianLikelihood(Identity(), y, sigma=0.1), y + 0.01, solver="adam", lr=10.0, steps=120)
    assert trace.energy[-1] > trace.energy[0] and trace.stopped_by == ["steps"]


def test_adam_stops_where_the_lowest_energy_of_fifty_steps_fell_by_less_than_the_tolerance():
    y, tolerance = images(2, 1, 4, 4), 1e-3
    energy = GaussianLikelihood(Identity(), y, sigma=0.1) + Tikhonov("gradient")
    start = torch.stack([y[0] + 0.3, y[1] + 0.9])
    trace = minimise(energy, start, solver="adam", lr=0.02, steps=600, tolerance=tolerance)
    assert trace.converged.all() and trace.steps[0] != trace.steps[1]
    for image, taken in enumerate(trace.steps.tolist()):
        seen = trace.energy[: taken + 1, image].numpy()
        lowest = np.minimum.accumulate(seen)
        fallen = (lowest[:-50] - lowest[50:]) / np.abs(lowest[50:])
        met = (fallen <= tolerance) & (seen[50:] <= seen[0])
        assert met[-1] and not met[:-1].any()


def test_the_line_search_goes_far_where_the_first_step_is_short():
    """Along (t - far)^2 / 2 a step fits from far / 10 on (c2 = 0.9); one image is there at once, one far away."""
    far = torch.tensor([1.0, 1e6], dtype=torch.float64)

    def evaluate(t):
        nothing = torch.zeros(2, 1, dtype=torch.float64)
        return Trial(t, (t - far) ** 2 / 2, t - far, -far * t, nothing, nothing, {})

    start = evaluate(torch.zeros(2, dtype=torch.float64))
    one = torch.ones(2, dtype=torch.float64)
    best, moved = strong_wolfe(evaluate, start, one, torch.tensor([True, True]))
    assert moved.all() and (best.slope.abs() <= 0.9 * far).all() and (best.energy < start.energy).all()
    assert best.t[0] == 1


def test_the_cosine_schedule_ends_at_zero_and_stays_there():
    schedule = cosine(0.2, 10)
    assert [schedule(step) for step in (0, 5, 10, 15, 20)] == pytest.approx([0.2, 0.1, 0.0, 0.0, 0.0], abs=1e-15)
    assert schedule(3) == pytest.approx(0.1 * (1 + np.cos(0.3 * np.pi)))
