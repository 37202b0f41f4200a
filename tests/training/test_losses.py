"""Losses against torch's and NumPy's, and their minimisers against closed forms, SciPy and a search over a grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mode
from torch.nn.functional import l1_loss, mse_loss

from deeprestore_lab.training import losses

SHARES = (0.0, 0.2, 0.5, 0.9, 1.0)
shares = st.floats(0, 1)


def images(n=3, c=2, h=4, w=5, seed=0):
    return torch.rand(n, c, h, w, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def expected_mixture(x, possible, share, p):
    """The expected loss of the predictions `x` `(X, 1)` for truths `(K,)`, in NumPy."""
    residual = x[:, None] - possible[None]
    return (p * ((1 - share) * residual**2 + share * np.abs(residual))).sum(1)


def drawn(seed, count):
    """Truths with ties, and probabilities, in NumPy."""
    rng = np.random.default_rng(seed)
    return np.round(rng.random(count), 1), rng.dirichlet(np.ones(count))


@pytest.mark.parametrize(("share", "oracle"), [(0.0, mse_loss), (1.0, l1_loss)])
def test_the_ends_of_the_mixture_are_torchs_losses(share, oracle):
    x, y = images(seed=1), images(seed=2)
    expected = torch.stack([oracle(a, b) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(losses.mixture(x, y, share=share), expected)


def test_the_mean_over_images_is_the_mean_over_the_batch():
    x, y = images(seed=1), images(seed=2)
    batch = 0.3 * mse_loss(x, y) + 0.7 * l1_loss(x, y)
    torch.testing.assert_close(losses.mixture(x, y, share=0.7).mean(), batch)


@pytest.mark.parametrize("share", SHARES)
def test_gradient_of_the_mixture(share):
    x, y = images(n=1, seed=1).requires_grad_(), images(n=1, seed=2)
    assert torch.autograd.gradcheck(lambda x: losses.mixture(x, y, share=share), x)


def test_at_no_residual_the_gradient_is_zero():
    x = images().requires_grad_()
    (gradient,) = torch.autograd.grad(losses.mixture(x, x.detach(), share=1.0).sum(), x)
    assert not gradient.any()


@pytest.mark.parametrize("tolerance", [0.0, 0.1, 0.5])
def test_indicator_counts(tolerance):
    x, y = images(seed=1), images(seed=2)
    x[0, 0, 0, :3] = y[0, 0, 0, :3]
    expected = [(np.abs(a - b) > tolerance).mean() for a, b in zip(x.numpy(), y.numpy(), strict=True)]
    np.testing.assert_allclose(losses.indicator(x, y, tolerance=tolerance), expected)


def test_indicator_has_a_gradient_and_it_is_zero():
    x, y = images(seed=1).requires_grad_(), images(seed=2)
    loss = losses.indicator(x, y, tolerance=0.1).mean()
    (gradient,) = torch.autograd.grad(loss, x)
    assert 0 < loss < 1
    assert gradient.shape == x.shape and not gradient.any()


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("seed", range(4))
def test_no_prediction_on_a_grid_is_better(share, seed):
    possible, p = drawn(seed, 7)
    x = losses.mixture_minimiser(torch.from_numpy(possible), share=share, probabilities=torch.from_numpy(p)).numpy()
    grid = np.linspace(-0.5, 1.5, 4001)
    best = expected_mixture(grid, possible, share, p).min()
    assert expected_mixture(x, possible, share, p)[0] <= best + 1e-9


@given(p=st.floats(0, 1), share=st.floats(0, 0.99))
@settings(max_examples=50, deadline=None)
def test_black_or_white(p, share):
    truths, probabilities = torch.tensor([0.0, 1.0]).double(), torch.tensor([1 - p, p], dtype=torch.float64)
    x = losses.mixture_minimiser(truths, share=share, probabilities=probabilities)
    assert float(x) == pytest.approx(min(max(0.5 + (p - 0.5) / (1 - share), 0), 1), abs=1e-9)


@given(seed=st.integers(0, 1000), count=st.integers(1, 8), share=st.floats(0, 0.99))
@settings(max_examples=50, deadline=None)
def test_equal_probabilities_give_the_median_formula(seed, count, share):
    """Li & Osher (2009): the median of the n truths and n + 1 shifted means."""
    truths = np.random.default_rng(seed).random(count)
    shift = share / (2 * (1 - share)) * (1 - 2 * np.arange(count + 1) / count)
    expected = np.median(np.concatenate([truths, truths.mean() + shift]))
    assert float(losses.mixture_minimiser(torch.from_numpy(truths), share=share)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5, 6, 10])
def test_the_ends_are_mean_and_median(count):
    possible = images(n=count)
    mean, median = (losses.mixture_minimiser(possible, share=share) for share in (0.0, 1.0))
    torch.testing.assert_close(mean, possible.mean(0, keepdim=True))
    lower = np.quantile(possible.numpy(), 0.5, axis=0, method="inverted_cdf", keepdims=True)
    upper = -np.quantile(-possible.numpy(), 0.5, axis=0, method="inverted_cdf", keepdims=True)
    np.testing.assert_allclose(median, np.clip(mean.numpy(), lower, upper))


@given(seed=st.integers(0, 1000), share=shares, shift=st.floats(-2, 2), order=st.permutations(range(5)))
@settings(max_examples=50, deadline=None)
def test_laws_of_the_minimiser(seed, share, shift, order):
    possible = images(n=5, seed=seed)
    x = losses.mixture_minimiser(possible, share=share)
    torch.testing.assert_close(losses.mixture_minimiser(possible[list(order)], share=share), x)
    torch.testing.assert_close(losses.mixture_minimiser(possible + shift, share=share), x + shift)
    torch.testing.assert_close(losses.mixture_minimiser(1 - possible, share=share), 1 - x)
    assert (x >= possible.amin(0)).all() and (x <= possible.amax(0)).all()


@pytest.mark.parametrize("share", SHARES)
def test_probabilities_are_repetitions(share):
    possible = images(n=3)
    repeated = possible[[0, 1, 1, 1, 2]]
    weighted = losses.mixture_minimiser(
        possible, share=share, probabilities=torch.tensor([0.2, 0.6, 0.2], dtype=torch.float64)
    )
    torch.testing.assert_close(losses.mixture_minimiser(repeated, share=share), weighted)


def test_equal_truths_are_the_minimiser_exactly():
    possible = torch.full((7, 1), 0.3)
    for share in SHARES:
        assert losses.mixture_minimiser(possible, share=share).item() == possible[0].item()


@pytest.mark.parametrize("seed", range(5))
def test_without_tolerance_the_indicators_minimiser_is_the_mode(seed):
    possible = np.round(2 * np.random.default_rng(seed).random((9, 4)), 1)
    expected = mode(possible, axis=0, keepdims=True).mode
    np.testing.assert_allclose(losses.indicator_minimiser(torch.from_numpy(possible), tolerance=0.0), expected)


@pytest.mark.parametrize("tolerance", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_no_prediction_loses_less_by_the_indicator(tolerance, seed):
    possible, p = drawn(seed, 8)
    possible = possible + np.random.default_rng(seed).random(8) / 50
    given_p = torch.from_numpy(p)
    x = losses.indicator_minimiser(torch.from_numpy(possible), tolerance=tolerance, probabilities=given_p).numpy()
    grid = np.concatenate([x, np.linspace(-0.5, 1.5, 4001)])
    loss = (p * (np.abs(grid[:, None] - possible) > tolerance)).sum(1)
    assert loss[0] <= loss.min() + 1e-9


def test_outside_range():
    x = torch.tensor([[-0.1, 0.5, 1.3, 1.0], [0.0, 0.2, 0.4, 1.0]]).reshape(2, 1, 2, 2)
    share, excess = losses.outside_range(x)
    torch.testing.assert_close(share, torch.tensor([0.5, 0.0]))
    torch.testing.assert_close(excess, torch.tensor([0.3, 0.0]))
    share, excess = losses.outside_range(x, low=-1.0, high=0.4)
    torch.testing.assert_close(share, torch.tensor([0.75, 0.25]))
    torch.testing.assert_close(excess, torch.tensor([0.9, 0.6]))
    with pytest.raises(ValueError, match="low must be below high"):
        losses.outside_range(x, low=1.0, high=0.0)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), True, "half", torch.tensor([0.1, 0.2])])
def test_a_share_outside_of_the_unit_interval_is_refused(share):
    with pytest.raises(ValueError, match="share must be"):
        losses.mixture(images(), images(), share=share)
    with pytest.raises(ValueError, match="share must be"):
        losses.mixture_minimiser(images(), share=share)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        losses.mixture(images(), images(n=1), share=0.5)
    with pytest.raises(ValueError, match="target must be a float tensor"):
        losses.indicator(images(), images()[0], tolerance=0.1)
    with pytest.raises(ValueError, match="tolerance must be"):
        losses.indicator(images(), images(), tolerance=-0.1)


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.5, -0.5], [1.0], [float("nan"), 1.0]])
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(ValueError, match="probabilities must be 2 numbers"):
        losses.mixture_minimiser(images(n=2), share=0.5, probabilities=torch.tensor(p))


@pytest.mark.parametrize("possible", [torch.zeros(0, 2), torch.tensor(1.0), torch.zeros(2, dtype=torch.int64), [0.0]])
def test_no_truths_are_refused(possible):
    with pytest.raises(ValueError, match="possible must"):
        losses.indicator_minimiser(possible, tolerance=0.1)
