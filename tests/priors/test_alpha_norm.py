"""The alpha-norm against its definition and against a general minimiser."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from deeprestore_lab.priors.alpha_norm import AlphaNorm


def test_value_by_loops():
    x = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    joint, channel = np.zeros(2), np.zeros(2)
    for n in range(2):
        for row in range(4):
            for column in range(5):
                vector = (x[n, :, row, column].numpy() - 0.4) / 0.2
                joint[n] += np.linalg.norm(vector) ** 6
                channel[n] += np.sum(np.abs(vector) ** 6)
    np.testing.assert_allclose(AlphaNorm(mean=0.4, scale=0.2)(x), joint, rtol=1e-12)
    np.testing.assert_allclose(AlphaNorm(mean=0.4, scale=0.2, colour="channel")(x), channel, rtol=1e-12)


@given(
    alpha=st.sampled_from([2.0, 3.0, 6.0, 8.0]),
    step=st.floats(1e-6, 1e4),
    colour=st.sampled_from(["joint", "channel"]),
    seed=st.integers(0, 100),
)
def test_prox_makes_the_gradient_vanish(alpha, step, colour, seed):
    prior = AlphaNorm(alpha=alpha, colour=colour)
    v = 3 * torch.rand(1, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 1
    x = prior.prox(v, step).requires_grad_()
    objective = (x - v).square().sum() / 2 + step * prior(x).sum()
    (gradient,) = torch.autograd.grad(objective, x)
    # The second derivative scales the error of a root found to rounding.
    curvature = 1 + step * alpha**2 * (((x - 0.5).abs().max() * 2) / prior.scale) ** (alpha - 2) / prior.scale**2
    assert gradient.abs().max() <= 1e-12 * curvature


def test_prox_equals_a_general_minimiser():
    prior = AlphaNorm(alpha=6, scale=0.3)
    v = torch.rand(1, 3, 1, 1, dtype=torch.float64)

    def objective(values: np.ndarray) -> float:
        x = torch.from_numpy(values).reshape(v.shape)
        return float((x - v).square().sum() / 2 + 0.02 * prior(x))

    found = minimize(objective, np.full(3, 0.5), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15})
    np.testing.assert_allclose(prior.prox(v, 0.02).numpy().ravel(), found.x, atol=1e-6)


def test_steps_are_taken_per_image():
    prior, v = AlphaNorm(), torch.rand(3, 3, 4, 4, dtype=torch.float64)
    steps = torch.tensor([0.0, 0.1, 5.0], dtype=torch.float64)
    together = prior.prox(v, steps)
    alone = torch.cat([prior.prox(v[i : i + 1], float(steps[i])) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(together[0], v[0])


def test_the_gradient_at_the_mean_is_zero():
    x = torch.full((1, 3, 2, 2), 0.5, requires_grad=True)
    AlphaNorm()(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("alpha", [1.0, -2.0, float("nan")])
def test_a_small_alpha_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha must be"):
        AlphaNorm(alpha=alpha)


@pytest.mark.parametrize("mean", [float("nan"), float("-inf"), "0.5", torch.zeros(2)])
def test_a_mean_that_is_no_finite_number_is_refused(mean):
    with pytest.raises(ValueError, match="mean must be a finite number"):
        AlphaNorm(mean=mean)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_wall_of_a_high_power_has_a_step_too(dtype):
    """scale^alpha leaves single precision here; values within the range stay, those outside come to its end."""
    prior = AlphaNorm(alpha=120.0, colour="channel")
    v = torch.tensor([0.5, 0.6, -1.0, 2.0], dtype=dtype).reshape(1, 1, 2, 2)
    x = prior.prox(v, 1e-3).flatten()
    torch.testing.assert_close(x[:2], v.flatten()[:2])
    assert ((x[2:] - 0.5).abs() < 1.1 * prior.scale).all() and ((x[2:] - 0.5).abs() > 0.9 * prior.scale).all()
