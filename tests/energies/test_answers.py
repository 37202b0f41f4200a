"""What energies answer: scores are minus gradients, bounded steps optimal, and who lacks a verb says so."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from deeprestore_lab import minimise
from deeprestore_lab.energies import (
    Energy,
    GaussianLikelihood,
    InexactProx,
    LaplaceLikelihood,
    PoissonLikelihood,
    WeightedSum,
    check_gradient,
)
from deeprestore_lab.operators import Blur, Identity
from deeprestore_lab.priors import AlphaNorm, DenoiserScore, StationaryField, Tikhonov, TotalVariation
from small_operators import Square, images

BLUR = Blur(torch.tensor([[0.1, 0.2, 0.1], [0.0, 0.5, 0.1]], dtype=torch.float64))


@pytest.mark.parametrize(
    "energy",
    [
        GaussianLikelihood(BLUR, images(seed=3), sigma=0.3),
        PoissonLikelihood(Identity(), images(seed=3), peak=20.0),
        2.0 * Tikhonov("gradient") + torch.tensor([1.0, 3.0]) * AlphaNorm(),
        TotalVariation(smoothing=0.1) @ Square(),
        StationaryField.power_law((4, 5), channels=3) @ BLUR,
    ],
    ids=lambda energy: energy.name,
)
def test_a_score_is_minus_the_derivative(energy):
    x = images() + 0.1
    check_gradient(energy, x, tolerance=1e-6)
    assert energy.has_score and not energy.score(x).requires_grad


def test_the_score_of_a_gaussian_is_that_of_its_density():
    """(mean - x) / variance for white noise; on a representation it comes back by the transpose."""
    field, x = StationaryField(torch.full((4, 3), 0.25, dtype=torch.float64), size=(4, 5), mean=0.5), images()[:, :1]
    torch.testing.assert_close(field.score(x), (0.5 - x) / 0.25)
    expected = BLUR.adjoint((0.5 - BLUR(x)) / 0.25)
    torch.testing.assert_close((3.0 * (field @ BLUR)).score(x), 3 * expected)


def test_a_score_is_refused_where_there_is_none():
    kinked = TotalVariation()
    assert not kinked.has_score and not (kinked + Tikhonov()).has_score
    with pytest.raises(NotImplementedError, match="total variation has kinks"):
        kinked.score(images())
    with pytest.raises(NotImplementedError, match="energy has neither a value nor a score"):
        Energy().score(images())

    class Cut(Energy):
        def value(self, x):
            return x.detach().flatten(1).sum(1)

    with pytest.raises(ValueError, match="does not depend on x as autograd sees it"):
        Cut().score(images())
    with pytest.raises(ValueError, match="inference_mode"), torch.inference_mode():
        Tikhonov().score(images())


BOUNDS = (0.3, 0.6)


@pytest.mark.parametrize(
    "energy", [LaplaceLikelihood(Identity(), images(seed=2), scale=0.2), None], ids=["l1", "poisson"]
)
def test_the_step_of_a_separable_term_within_bounds(energy):
    """Against SciPy's bounded search, one value at a time."""
    energy = energy or PoissonLikelihood(Identity(), images(seed=2), peak=5.0)
    v, step = images(seed=4), torch.tensor([0.02, 0.1], dtype=torch.float64)
    found = energy.bounded_prox(v, step, BOUNDS)
    for place in [(0, 0, 0, 0), (1, 2, 3, 4), (1, 0, 2, 2), (0, 1, 1, 4)]:
        one = tuple(slice(i, i + 1) for i in place)
        y = energy.y[one]
        single = (
            LaplaceLikelihood(Identity(), y, scale=0.2)
            if isinstance(energy, LaplaceLikelihood)
            else PoissonLikelihood(Identity(), y, peak=5.0)
        )

        def cost(t, n=place[0], one=one, single=single):
            x = torch.full((1, 1, 1, 1), t, dtype=torch.float64)
            return (0.5 * (x - v[one]).square().sum() + step[n] * single(x)).item()

        best = minimize_scalar(cost, bounds=BOUNDS, method="bounded", options={"xatol": 1e-10})
        assert cost(found[place].item()) <= best.fun + 1e-12


def test_who_knows_no_step_says_so():
    v = images()
    for call, message in [
        (lambda: AlphaNorm(colour="joint").bounded_prox(v, 0.1, BOUNDS), "within bounds is not known"),
        (lambda: Tikhonov().inexact_prox(v, 0.1), "no proximal step by iterations"),
        (lambda: (Tikhonov() + AlphaNorm()).bounded_prox(v, 0.1, BOUNDS), "a sum of several terms"),
        (lambda: Tikhonov().denoised(v), "is no denoiser"),
        (lambda: TotalVariation(smoothing=0.1).inexact_prox(v, 0.1), "no proximal step; it is smooth"),
    ]:
        with pytest.raises(NotImplementedError, match=message):
            call()
    assert not AlphaNorm().has_bounded_prox and TotalVariation().has_bounded_prox
    assert not TotalVariation(smoothing=0.1).has_prox and not TotalVariation(smoothing=0.1).has_bounded_prox


def test_a_sum_of_one_answers_for_its_term():
    v, prior = images(), TotalVariation(gap=1e-9)
    start = torch.ones(v.shape[0], 2, *v.shape[1:], dtype=v.dtype)
    nested = WeightedSum([(2.0, WeightedSum([(3.0, prior)]))])
    assert nested.has_inexact_prox and nested.has_bounded_prox and nested.prox_gap == prior.gap
    torch.testing.assert_close(nested.prox(v, 0.01), prior.prox(v, 0.06))
    torch.testing.assert_close(nested.bounded_prox(v, 0.01, BOUNDS), prior.bounded_prox(v, 0.06, BOUNDS))
    for settings in ({}, {"bounds": BOUNDS}, {"gap": 1e-2}, {"steps": 3}, {"gap": 1e-3, "start": 0.1 * start}):
        step, alone = nested.inexact_prox(v, 0.01, **settings), prior.inexact_prox(v, 0.06, **settings)
        for own in ("x", "gap", "primal", "state"):
            torch.testing.assert_close(getattr(step, own), getattr(alone, own))
    assert WeightedSum([(1.0, PoissonLikelihood(Identity(), v, peak=1.0))]).nonnegative
    assert (PoissonLikelihood(Identity(), v, peak=1.0) @ Identity()).nonnegative
    assert not (PoissonLikelihood(BLUR, v, peak=1.0) @ Square()).nonnegative  # negative pixels are possible there
    assert (prior @ Identity()).prox_gap == prior.gap and (nested @ Identity()).has_bounded_prox
    weights, data = torch.tensor([2.0, 3.0]), GaussianLikelihood(BLUR, images(seed=3), sigma=0.3)
    form = (weights * data).quadratic()
    expected = (weights * data)(v)
    torch.testing.assert_close(form.precision / 2 * (form.operator(v) - form.target).square().sum((1, 2, 3)), expected)
    K, f = (2.0 * prior).split()
    torch.testing.assert_close(f.value(K(v)), 2 * prior(v))
    assert f.has_prox and (2.0 * prior).quadratic() is None and (data + data).quadratic() is None


def test_a_weight_of_1_leaves_the_mean_under_noise_and_the_denoiser():
    """A prior of another weight is another density, whose mean is not known from that of the first."""
    y = images()[:, :1]
    field, half = StationaryField.power_law((4, 5)), DenoiserScore(lambda x: x / 2, sigma=0.1)
    for same in (field.calibrated(0.1), torch.ones(2) * field, field @ Identity()):
        assert same.has_posterior_mean and torch.equal(same.posterior_mean(y, 0.2), field.posterior_mean(y, 0.2))
    same = 1.0 * half
    assert same.has_denoiser and torch.equal(same.denoised(y), y / 2) and same.sigma == 0.1
    for other in (2.0 * field + 1.0 * half, torch.tensor([1.0, 2.0]) * field, 2.0 * half):
        assert not other.has_posterior_mean and not other.has_denoiser and not hasattr(other, "sigma")
        with pytest.raises(NotImplementedError, match="under noise is not known"):
            other.posterior_mean(y, 0.2)
        with pytest.raises(NotImplementedError, match="is no denoiser"):
            other.denoised(y)


def test_a_sum_of_several_has_what_all_have_and_the_walls_of_any():
    counts, kinked, squares = PoissonLikelihood(Identity(), images(), peak=1.0), TotalVariation(), Tikhonov()
    alone = DenoiserScore(lambda x: x / 2, sigma=0.1)
    for first, second in ((counts, squares), (squares, counts)):
        both = WeightedSum([(1.0, first), (2.0, second)])
        assert both.nonnegative and both.smooth and both.has_value and both.has_score
        with pytest.raises(ValueError, match="infinite below zero"):
            minimise(WeightedSum([(1.0, both)]), images(), solver="proximal")
    assert not (squares + kinked).nonnegative
    for both in (squares + kinked, kinked + squares):
        assert not both.smooth and not both.has_score and both.has_value
        assert not both.has_prox and not both.has_bounded_prox and not both.has_inexact_prox and both.prox_gap is None
    for both in (squares + alone, alone + squares):
        assert not both.has_value and both.has_score


def test_a_step_by_iterations_is_as_near_as_its_gap_says_and_starts_where_another_ended():
    """gap * primal bounds 1/2 ||x - exact||^2: the property that the proximal solver relies on."""
    v, prior, step = images(seed=5), TotalVariation(), torch.tensor([0.05, 0.2], dtype=torch.float64)
    exact = prior.inexact_prox(v, step, gap=1e-12, steps=20000)
    loose = prior.inexact_prox(v, step, gap=1e-2)
    assert isinstance(loose, InexactProx) and (loose.gap <= 1e-2).all() and (exact.gap <= 1e-12).all()
    error = (loose.x - exact.x).square().flatten(1).sum(1) / 2
    assert (error <= loose.gap * loose.primal * (1 + 1e-9)).all() and (error > 0).all()
    again = prior.inexact_prox(v, step, gap=1e-12, start=exact.state, steps=1)
    torch.testing.assert_close(again.x, exact.x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        exact.primal, 0.5 * (exact.x - v).square().flatten(1).sum(1) + step * prior(exact.x), rtol=1e-9
    )
