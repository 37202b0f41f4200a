"""Risks and best weights against dense algebra, SciPy's minimiser, and Monte Carlo."""

from functools import cache

import numpy as np
import pytest
import scipy.optimize
import torch

from deeprestore_lab.operators import Blur, FourierFilter, Gradient, Identity, Mask, as_matrix
from deeprestore_lab.priors.gaussian_field import StationaryField
from deeprestore_lab.priors.gaussian_risk import QuadraticEstimator

SIZE, SHAPE, SIGMA = (5, 6), (2, 5, 6), 0.15
SKEWED = torch.tensor([[0.1, 0.5, 0.4], [0.0, 0.2, -0.1]], dtype=torch.float64)
OPERATORS = {"identity": Identity(), "blur": Blur(SKEWED), "gradient": Gradient(border="circular")}


def world(mean: float = 0.4) -> StationaryField:
    return StationaryField.power_law(SIZE, exponent=2.3, std=0.3, channels=2, mean=mean)


def difference_precision() -> torch.Tensor:
    """Eigenvalues of the squared differences plus a little, so that it sees the mean too."""
    return Gradient(border="circular").normal_eigenvalues(torch.zeros(1, 1, *SIZE).double(), "fft")[0, 0] + 0.3


@pytest.fixture(params=OPERATORS)
def operator(request):
    return OPERATORS[request.param]


@pytest.fixture
def estimator(operator) -> QuadraticEstimator:
    return QuadraticEstimator(operator, difference_precision(), sigma=SIGMA, size=SIZE, prior_mean=0.6)


@cache
def dense_parts(operator) -> tuple[np.ndarray, np.ndarray]:
    """A and Q as matrices."""
    half = as_matrix(FourierFilter(difference_precision().sqrt(), size=SIZE), SHAPE).numpy()
    return as_matrix(operator, SHAPE).numpy(), half.T @ half


def dense_estimator(operator, weight: float) -> np.ndarray:
    """H of xhat = m + H (y - A m)."""
    a, q = dense_parts(operator)
    return np.linalg.solve(a.T @ a + weight * SIGMA**2 * q, a.T)


def dense_risk(operator, field: StationaryField, weight: float, space: str = "image", prior_mean: float = 0.6) -> float:
    h, a = dense_estimator(operator, weight), dense_parts(operator)[0]
    offset = (field.mean.flatten().numpy() - prior_mean)[:, None]
    error = h @ a - np.eye(60)
    into = np.eye(60) if space == "image" else a
    second_moment = field.covariance().numpy() + offset @ offset.T
    return np.trace(into @ (error @ second_moment @ error.T + SIGMA**2 * h @ h.T) @ into.T)


def measured(field, operator, n: int, seed: int = 0):
    x = field.sample(n, seed=seed, dtype=torch.float64)
    y = operator(x)
    return x, y + SIGMA * torch.randn(y.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)


@pytest.mark.parametrize("weight", [0.1, 1.0, 20.0])
def test_the_estimate_minimises_the_energies(estimator, operator, weight):
    _, y = measured(world(), operator, 3)
    h = dense_estimator(operator, weight)
    centre = operator(torch.full((1, *SHAPE), 0.6, dtype=torch.float64))
    expected = 0.6 + (y - centre).flatten(1).numpy() @ h.T
    np.testing.assert_allclose(estimator.estimate(y, weight).flatten(1), expected, atol=1e-10)


@pytest.mark.parametrize("space", ["image", "measurement"])
@pytest.mark.parametrize("weight", [0.1, 1.0, 20.0])
def test_the_expected_error_is_that_of_dense_algebra(estimator, operator, weight, space):
    got = estimator.expected_squared_error(world(), weight, space=space)
    assert got == pytest.approx(dense_risk(operator, world(), weight, space), rel=1e-10)


def test_the_expected_error_is_the_mean_over_many_images(estimator, operator):
    x, y = measured(world(), operator, 4000)
    errors = (estimator.estimate(y, 2.0) - x).square().flatten(1).sum(1)
    standard_error = float(errors.std() / len(errors) ** 0.5)
    assert float(errors.mean()) == pytest.approx(estimator.expected_squared_error(world(), 2.0), abs=4 * standard_error)


def test_degrees_of_freedom_are_a_trace(estimator, operator):
    h = dense_estimator(operator, 3.0)
    expected = np.trace(as_matrix(operator, SHAPE).numpy() @ h)
    assert estimator.degrees_of_freedom(3.0, channels=2) == pytest.approx(expected, rel=1e-10)


def test_sure_is_unbiased(estimator, operator):
    x, y = measured(world(), operator, 4000, seed=8)
    estimate = estimator.estimate(y, 2.0)
    loss = (operator(estimate) - operator(x)).square().flatten(1).sum(1)
    difference = estimator.sure(y, 2.0) - loss  # the same images, so the standard error of the difference counts
    assert abs(float(difference.mean())) < 4 * float(difference.std() / len(x) ** 0.5)
    expected = estimator.expected_squared_error(world(), 2.0, space="measurement")
    sure = estimator.sure(y, 2.0)
    assert float(sure.mean()) == pytest.approx(expected, abs=4 * float(sure.std() / len(x) ** 0.5))


def test_the_fields_own_prior_is_best_at_weight_one(operator):
    field = world()
    if isinstance(operator, Gradient):
        operator = OPERATORS["blur"] @ OPERATORS["blur"]
    own = QuadraticEstimator(operator, field, sigma=SIGMA)
    assert own.best_weight(field) == pytest.approx(1, rel=1e-12)
    y = measured(field, operator, 2)[1]
    posterior = field.posterior(operator, y, sigma=SIGMA)
    assert own.expected_squared_error(field, 1.0) == pytest.approx(float(posterior.variance.sum()), rel=1e-10)
    torch.testing.assert_close(own.estimate(y, 1.0), posterior.mean)
    scaled = QuadraticEstimator(operator, 5 / field.spectrum, sigma=SIGMA, size=SIZE, prior_mean=0.4)
    assert scaled.best_weight(field) == pytest.approx(0.2, rel=1e-9)


def test_the_best_weight_is_scipys_minimum_of_the_dense_risk(estimator, operator):
    field = world()
    found = scipy.optimize.minimize_scalar(
        lambda log: dense_risk(operator, field, np.exp(log)), bounds=(-8, 12), method="bounded", options={"xatol": 1e-9}
    )
    best = estimator.best_weight(field)
    # a minimiser that sees values alone finds the place to the square root of their precision
    assert np.log(best) == pytest.approx(found.x, abs=1e-5)
    slope = (dense_risk(operator, field, best * 1.001) - dense_risk(operator, field, best / 1.001)) / 0.002
    curvature = (
        dense_risk(operator, field, best * 1.1)
        + dense_risk(operator, field, best / 1.1)
        - 2 * dense_risk(operator, field, best)
    ) / np.log(1.1) ** 2
    assert abs(slope) < 1e-4 * curvature


def test_the_best_weight_for_one_image_is_scipys(estimator, operator):
    x, y = measured(world(), operator, 4, seed=3)
    weights = estimator.best_weight_for(x, y)
    a = dense_parts(operator)[0]
    for image, seen, weight in zip(x.flatten(1).numpy(), y.flatten(1).numpy(), weights.tolist(), strict=True):

        def error(log, image=image, seen=seen):
            h = dense_estimator(operator, np.exp(log))
            return np.sum((0.6 + h @ (seen - a @ np.full(60, 0.6)) - image) ** 2)

        grid = np.linspace(np.log(1e-6), np.log(1e6), 120)
        start = grid[np.argmin([error(g) for g in grid])]
        step = grid[1] - grid[0]
        found = scipy.optimize.minimize_scalar(
            error, bounds=(start - step, start + step), method="bounded", options={"xatol": 1e-9}
        )
        assert np.log(weight) == pytest.approx(found.x, abs=1e-4)
        assert error(np.log(weight)) <= found.fun * (1 + 1e-12)


def test_a_prior_that_leaves_the_mean_free():
    gradient = Gradient(border="circular").normal_eigenvalues(torch.zeros(1, 1, *SIZE).double(), "fft")[0, 0]
    free = QuadraticEstimator(Identity(), gradient, sigma=SIGMA, size=SIZE)
    errors = [free.expected_squared_error(world(mean), 2.0) for mean in (-3.0, 0.5, 9.0)]
    np.testing.assert_allclose(errors, errors[0], rtol=1e-9)
    best = free.best_weight(world())
    nearby = [free.expected_squared_error(world(), best * k) for k in (0.95, 1.0, 1.05)]
    assert nearby[1] == min(nearby)


def test_weight_zero_is_the_inverse_filter():
    x, _ = measured(world(), OPERATORS["blur"], 2)
    estimator = QuadraticEstimator(OPERATORS["blur"], difference_precision(), sigma=SIGMA, size=SIZE)
    torch.testing.assert_close(estimator.estimate(OPERATORS["blur"](x), 0.0), x, atol=1e-9, rtol=0)
    response = as_matrix(OPERATORS["blur"], SHAPE).numpy()
    expected = SIGMA**2 * np.trace(np.linalg.inv(response.T @ response))
    assert estimator.expected_squared_error(world(), 0.0) == pytest.approx(expected, rel=1e-9)


def test_bad_input_is_refused():
    precision = difference_precision()
    with pytest.raises(ValueError, match="circular operator"):
        QuadraticEstimator(Mask(torch.ones(SIZE)), precision, sigma=SIGMA, size=SIZE)
    with pytest.raises(ValueError, match="at least 0"):
        QuadraticEstimator(Identity(), -precision, sigma=SIGMA, size=SIZE)
    with pytest.raises(ValueError, match="size \\(H, W\\) is needed"):
        QuadraticEstimator(Identity(), precision, sigma=SIGMA)
    unseen = (precision - 0.3).clamp_min(0)
    with pytest.raises(ValueError, match="not unique"):
        QuadraticEstimator(OPERATORS["gradient"], unseen, sigma=SIGMA, size=SIZE)
    estimator = QuadraticEstimator(OPERATORS["gradient"], precision, sigma=SIGMA, size=SIZE)
    with pytest.raises(ValueError, match="weight 0"):
        estimator.estimate(OPERATORS["gradient"](torch.rand(1, *SHAPE)), 0.0)
    with pytest.raises(ValueError, match="the field has \\(4, 4\\)"):
        estimator.best_weight(StationaryField.power_law((4, 4)))
    with pytest.raises(ValueError, match="space must be one of"):
        estimator.expected_squared_error(world(), 1.0, space="fourier")
    with pytest.raises(ValueError, match="no effect"):
        QuadraticEstimator(Identity(), torch.zeros_like(precision), sigma=SIGMA, size=SIZE).best_weight(world())


def test_images_of_other_channels_are_refused():
    colour = QuadraticEstimator(Identity(), difference_precision().expand(3, -1, -1), sigma=SIGMA, size=SIZE)
    grey = torch.rand(2, 1, *SIZE, dtype=torch.float64)
    for call in (
        lambda: colour.estimate(grey, 1.0),
        lambda: colour.sure(grey, 1.0),
        lambda: colour.degrees_of_freedom(1.0),
    ):
        with pytest.raises(ValueError, match="images of 3 channels"):
            call()
    assert colour.estimate(grey.expand(-1, 3, -1, -1), 1.0).shape == (2, 3, *SIZE)
