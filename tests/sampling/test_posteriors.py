"""Guidance, DPS, split Gibbs and the mixture's posterior, each against an exact posterior."""

import math

import pytest
import torch

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Downsample, Identity, Mask, as_matrix
from deeprestore_lab.priors import DenseField, GaussianMixture, StationaryField
from deeprestore_lab.sampling import DPS, MixturePosterior, SplitGibbs, draw, falling, guided

GENERATOR = torch.Generator().manual_seed(0)
WHITE = StationaryField(torch.full((4, 3), 0.09), size=(4, 4), mean=0.5)  # spread 0.3
X = WHITE.sample(3, seed=0, dtype=torch.float64)


def test_pseudo_inverse_guidance_is_exact_for_white_pictures():
    operator = Downsample(2)
    y = operator(X) + 0.1 * torch.randn(3, 1, 2, 2, generator=GENERATOR, dtype=torch.float64)
    posterior = WHITE.posterior(operator, y, sigma=0.1)
    noisy = X + 0.4 * torch.randn(X.shape, generator=GENERATOR, dtype=torch.float64)
    found = guided(WHITE, GaussianLikelihood(operator, y, sigma=0.1), rule="pseudo-inverse", spread=0.3)(noisy, 0.4)
    torch.testing.assert_close(found, posterior.field.posterior_mean(noisy, 0.4))


def test_splitting_solves_its_least_squares_problem():
    operator, noise, sigma, weight = Mask((torch.rand(4, 4, generator=GENERATOR) < 0.5).double()), 0.1, 0.4, 2.0
    y = operator(X)
    found = guided(WHITE, GaussianLikelihood(operator, y, sigma=noise), rule="splitting", weight=weight)(X, sigma)
    own = WHITE.posterior_mean(X, sigma)
    slope = operator.adjoint(operator(found) - y) / noise**2 + weight * (found - own) / sigma**2
    assert float(slope.abs().max()) < 1e-9


def test_reconstruction_guidance_in_one_pixel():
    """D = x / 2, J = 1/2: D + weight sigma^2 / 2 (y - D) / (noise^2 + sigma^2)."""
    data = GaussianLikelihood(Identity(), torch.full((1, 1, 1, 1), 0.8), sigma=0.3)
    found = guided(lambda y, sigma: y / 2, data, rule="reconstruction", weight=2.0)(torch.ones(1, 1, 1, 1), 0.4)
    assert float(found) == pytest.approx(0.5 + 2 * 0.16 * 0.5 * 0.3 / 0.25)


def test_a_step_of_dps_goes_down_the_misfit():
    y = X.float() + 0.2
    sampler = DPS(WHITE, [0.5, 0.2], GaussianLikelihood(Identity(), y, sigma=0.1), weight=0.5)
    x, at = X.float() + 0.3, (1, 0, 2, 3)
    found = sampler.step(0, x, torch.zeros_like)
    plain = DPS(WHITE, [0.5, 0.2], GaussianLikelihood(Identity(), y, sigma=0.1), weight=0.0).step(
        0, x, torch.zeros_like
    )
    moved = x.double().clone()
    moved[at] += 1e-5
    misfit = [(y - WHITE.posterior_mean(v, 0.5)).flatten(1).norm(dim=1)[1] for v in (x.double(), moved)]
    slope = float(misfit[1] - misfit[0]) / 1e-5
    scale = 0.5 * math.sqrt((1 + 4 * 0.25) * (1 + 4 * 0.04))
    assert float((plain - found)[at]) == pytest.approx(scale * slope, rel=1e-3)


def test_split_gibbs_has_the_law_of_its_coupling():
    """One pixel, p = N(0, 1), y = 0.6 with noise 0.5: x has the precision 1 + 1 / (0.25 + rho^2)."""
    field, rho = DenseField(torch.eye(1).double(), (1, 1, 1), mean=0.0), 0.4
    data = GaussianLikelihood(Identity(), torch.full((6000, 1, 1, 1), 0.6), sigma=0.5)
    sampler = SplitGibbs(field, data, rhos=[rho] * 15, inner=100, smallest=0.004)
    drawn = draw(sampler, torch.zeros(6000, 1, 1, 1), seed=0)
    variance = 1 / (1 + 1 / (0.25 + rho**2))
    assert float(drawn.x.var()) == pytest.approx(variance, rel=0.05)
    assert float(drawn.x.mean()) == pytest.approx(variance * 0.6 / (0.25 + rho**2), abs=0.03)
    assert drawn.evaluations == 1500
    assert falling(1.0, 0.25, fall=2, stay=1) == [1.0, 0.5, 0.25]


@pytest.mark.parametrize("inner", [1, 100])
def test_split_gibbs_takes_many_inner_steps_for_the_variance_where_nothing_is_measured(inner):
    """One pixel, p = N(0, 1): of the variance 1 one step leaves g^2 rho^2 / (1 - g^2), g = 1 / (1 + rho^2)."""
    field, rho = DenseField(torch.eye(1).double(), (1, 1, 1), mean=0.0), 0.6
    data = GaussianLikelihood(Mask(torch.zeros(1, 1)), torch.zeros(6000, 1, 1, 1), sigma=0.5)
    sampler = SplitGibbs(field, data, rhos=[rho] * 15, inner=inner, smallest=0.004)
    gain = 1 / (1 + rho**2)
    expected = gain**2 * rho**2 / (1 - gain**2) if inner == 1 else 1.0
    assert float(draw(sampler, torch.zeros(6000, 1, 1, 1), seed=0).x.var()) == pytest.approx(expected, rel=0.06)


def mixture():
    directions = torch.tensor([[[1.0], [0.0]], [[0.6], [0.8]]])
    means = torch.tensor([[0.0, 0.2], [1.0, 0.5]]).reshape(2, 1, 1, 2)
    return GaussianMixture(
        torch.tensor([0.3, 0.7]), means, directions, torch.tensor([[0.2], [0.1]]), torch.tensor([0.02, 0.05])
    )


def test_the_posterior_of_a_mixture_against_the_sum_over_a_grid():
    prior, operator = mixture(), Mask(torch.tensor([[1.0, 0.0]]))
    y = torch.tensor([[[[0.5, 0.0]]]])
    posterior = MixturePosterior(prior, operator, y, sigma=0.2)
    side = torch.linspace(-2.5, 3.5, 601)
    grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 1, 1, 2)
    likelihood = -((grid[..., 0] - 0.5).square() / 0.08).flatten() - torch.tensor(2 * math.pi * 0.04).log() / 2
    mass = (likelihood - prior(grid)).double().exp() * 1e-4
    other = -torch.tensor(2 * math.pi * 0.04).log() / 2  # the pixel that was not seen: noise alone, and it was 0
    assert float(posterior.log_evidence) == pytest.approx(float(mass.sum().log() + other), abs=1e-4)
    mean = (mass[:, None] * grid.flatten(1)).sum(0) / mass.sum()
    torch.testing.assert_close(posterior.mean.flatten().double(), mean, atol=1e-3, rtol=0)
    drawn = posterior.sample(20_000, seed=0)[:, 0].flatten(1).double()
    spread = ((mass[:, None] * (grid.flatten(1) - mean).square()).sum(0) / mass.sum()).double()
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.var(0), spread, rtol=0.05, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_posterior_of_a_mixture_has_the_precision_of_what_was_measured(dtype):
    """In one pixel of one part the mean is known: (y / sigma^2) / (1 + 1 / sigma^2) of N(0, 1), to all digits."""
    unit = torch.ones(1, 1, 1)
    prior = GaussianMixture(torch.ones(1), torch.zeros(1, 1, 1, 1), unit, torch.zeros(1, 1), torch.ones(1))
    y = torch.full((1, 1, 1, 1), 1 / 3, dtype=dtype)
    posterior = MixturePosterior(prior, Identity(), y, sigma=0.5)
    torch.testing.assert_close(posterior.mean, y * 4 / 5, rtol=2 * torch.finfo(dtype).eps, atol=0)
    torch.testing.assert_close(posterior.mode, posterior.mean)
    assert posterior.sample(2, seed=0).dtype == dtype and posterior.log_evidence.dtype == torch.float64


def test_draws_of_several_measurements_stay_apart():
    prior, operator = mixture(), Identity()
    y = torch.tensor([[0.0, 0.2], [1.0, 0.5], [0.5, 0.4]]).reshape(3, 1, 1, 2)
    posterior = MixturePosterior(prior, operator, y, sigma=0.01)
    drawn = posterior.sample(5, seed=0)
    assert drawn.shape == (5, 3, 1, 1, 2)
    assert float((drawn - y).abs().max()) < 0.06
    assert as_matrix(operator, prior.shape).shape == (2, 2)


def test_refusals():
    data = GaussianLikelihood(Identity(), X, sigma=0.1)
    with pytest.raises(ValueError, match="rule"):
        guided(WHITE, data, rule="exact")
    with pytest.raises(ValueError, match="linear operator"):
        guided(WHITE, GaussianLikelihood(torch.sin, X, sigma=0.1), rule="splitting")
    with pytest.raises(ValueError, match="mixture"):
        MixturePosterior(WHITE, Identity(), X, sigma=0.1)
    with pytest.raises(ValueError, match="A x has"):
        MixturePosterior(mixture(), Identity(), X, sigma=0.1)


def test_dps_where_nothing_is_missed_is_ancestral():
    """A picture of which nothing was seen has no misfit to go down, beside one that has."""
    seen = Mask(torch.tensor([0.0, 1.0, 1.0]).reshape(3, 1, 1, 1).expand(3, 1, 4, 4).contiguous())
    data = GaussianLikelihood(seen, seen(X), sigma=0.1)
    steps = [DPS(WHITE, [0.5, 0.2], data, weight=weight).step(0, X + 0.3, torch.zeros_like) for weight in (0.0, 0.5)]
    torch.testing.assert_close(steps[1][0], steps[0][0], rtol=0, atol=0)
    assert bool(torch.isfinite(steps[1]).all()) and bool((steps[1][1:] != steps[0][1:]).any())


def test_the_evidence_of_many_values_keeps_the_digits_of_double_precision():
    size = 1024
    unit = torch.zeros(1, size, 1, dtype=torch.float64)
    unit[0, 0] = 1
    means, rest = torch.zeros(1, 1, 32, 32).double(), torch.full((1, 1), 3.0).double()
    prior = GaussianMixture(torch.ones(1).double(), means, unit, rest, torch.ones(1).double())
    y = torch.randn(1, 1, 32, 32, generator=GENERATOR, dtype=torch.float64)
    variances = torch.ones(size, dtype=torch.float64) + 0.25
    variances[0] += 3
    exact = torch.distributions.Normal(0.0, variances.sqrt()).log_prob(y.flatten()).sum()
    found = MixturePosterior(prior, Identity(), y, sigma=0.5).log_evidence
    torch.testing.assert_close(found[0], exact, rtol=1e-12, atol=0)
