"""Fitting a mixture of Gaussians of low rank, and what it refuses; its density is tested with the samplers."""

import numpy as np
import pytest
import torch

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Mask
from deeprestore_lab.priors import GaussianMixture, fit_gaussian_mixture
from deeprestore_lab.sampling import MixturePosterior


def two_groups(count: int, seed: int) -> torch.Tensor:
    """Images of 3 x 4: around 0.2 or 0.8, with one direction of deviation 0.3 and the rest of 0.05."""
    draw = torch.Generator().manual_seed(seed)
    direction = torch.nn.functional.normalize(torch.arange(12.0) - 5.5, dim=0)
    places = 0.2 + 0.6 * (torch.rand(count, 1, generator=draw) < 0.25).float()
    along = 0.3 * torch.randn(count, 1, generator=draw) * direction
    return (places + along + 0.05 * torch.randn(count, 12, generator=draw)).reshape(-1, 1, 3, 4)


def test_the_fit_finds_groups_directions_and_the_floor():
    mixture = fit_gaussian_mixture(two_groups(4000, 0), parts=2, rank=1, seed=3)
    order = mixture.means.flatten(1).mean(1).argsort()
    torch.testing.assert_close(mixture.weights[order], torch.tensor([0.75, 0.25]), atol=0.03, rtol=0)
    middles = mixture.means.flatten(1).mean(1)[order]
    torch.testing.assert_close(middles, torch.tensor([0.2, 0.8]), atol=0.02, rtol=0)
    direction = torch.nn.functional.normalize(torch.arange(12.0) - 5.5, dim=0)
    assert float((mixture.directions[:, :, 0] @ direction).abs().min()) > 0.99
    torch.testing.assert_close(mixture.floor, torch.full((2,), 0.0025), rtol=0.1, atol=0)
    torch.testing.assert_close(mixture.excess[:, 0] + mixture.floor, torch.full((2,), 0.0925), rtol=0.15, atol=0)


def test_a_group_of_fewer_images_than_values_has_the_variances_of_its_covariance():
    """The floor is the mean over all other directions, those without any variance too."""
    x = two_groups(7, 6)
    mixture = fit_gaussian_mixture(x, parts=1, rank=2, seed=0)
    variances = np.linalg.eigvalsh(np.cov(x.flatten(1).double().numpy().T, bias=True))[::-1]
    floor = variances[2:].sum() / 10
    np.testing.assert_allclose(mixture.floor, [floor], rtol=1e-4)
    np.testing.assert_allclose(mixture.excess[0], variances[:2] - floor, rtol=1e-4)


def test_draws_have_the_moments_of_the_mixture():
    mixture = fit_gaussian_mixture(two_groups(2000, 1), parts=2, rank=2, seed=0)
    drawn = mixture.sample(20_000, seed=0).flatten(1)
    flat, weights = mixture.means.flatten(1), mixture.weights[:, None]
    mean = (weights * flat).sum(0)
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.02, rtol=0)
    within = [
        u @ torch.diag(s) @ u.mT + v * torch.eye(12)
        for u, s, v in zip(mixture.directions, mixture.excess, mixture.floor, strict=True)
    ]
    covariance = sum(w * c for w, c in zip(mixture.weights, within, strict=True))
    covariance = covariance + (weights * (flat - mean)).mT @ (flat - mean)
    assert float((torch.cov(drawn.mT) - covariance).norm() / covariance.norm()) < 0.04


def test_a_fit_with_more_directions_than_a_group_has_images_is_a_density():
    mixture = fit_gaussian_mixture(two_groups(30, 2), parts=6, rank=5, seed=0)
    products = mixture.directions.mT @ mixture.directions
    torch.testing.assert_close(products, torch.eye(5).expand_as(products), atol=1e-4, rtol=0)
    assert bool(torch.isfinite(mixture(two_groups(5, 3))).all())


def test_the_mode_of_a_posterior_is_as_deep_as_a_search_finds():
    mixture = fit_gaussian_mixture(two_groups(2000, 4), parts=2, rank=1, seed=0)
    seen = Mask(torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(3, 1))
    y = seen(two_groups(3, 5))
    mode = MixturePosterior(mixture, seen, y, sigma=0.1).mode
    energy = mixture + GaussianLikelihood(seen, y, sigma=0.1)
    start = torch.cat([mode + 0.1 * torch.randn(mode.shape, generator=torch.Generator().manual_seed(0)), mode])
    from deeprestore_lab import minimise

    both = mixture + GaussianLikelihood(seen, y.repeat(2, 1, 1, 1), sigma=0.1)
    found = minimise(both, start, solver="lbfgs", steps=200, progress=False, snapshots=False).x
    assert float((energy(mode) - both(found).reshape(2, 3).amin(0)).max()) < 0.01


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="excess must have the shape"):
        GaussianMixture(
            torch.ones(1), torch.zeros(1, 1, 1, 2), torch.eye(2)[None, :, :1], torch.ones(1, 2), torch.ones(1)
        )
    with pytest.raises(ValueError, match="sum 1"):
        GaussianMixture(
            torch.ones(1) / 2, torch.zeros(1, 1, 1, 2), torch.eye(2)[None, :, :1], torch.ones(1, 1), torch.ones(1)
        )
    with pytest.raises(ValueError, match="rank must be below"):
        fit_gaussian_mixture(two_groups(30, 0), parts=2, rank=12, seed=0)
    mixture = fit_gaussian_mixture(two_groups(30, 0), parts=1, rank=1, seed=0)
    with pytest.raises(ValueError, match="the mixture has images"):
        mixture.score(torch.rand(1, 1, 4, 4))
    with pytest.raises(ValueError, match="sigma must be"):
        mixture.posterior_mean(torch.rand(1, 1, 3, 4), 0.0)


def test_without_directions_it_is_a_mixture_of_round_gaussians():
    means, floor = (
        torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 1, 1, 3).contiguous(),
        torch.tensor([0.5, 2.0]),
    )
    mixture = GaussianMixture(torch.tensor([0.3, 0.7]), means, torch.zeros(2, 3, 0), torch.zeros(2, 0), floor)
    x = torch.rand(4, 1, 1, 3, generator=torch.Generator().manual_seed(7))
    laws = [torch.distributions.Normal(float(m), float(v) ** 0.5) for m, v in zip((0.0, 1.0), floor, strict=True)]
    logs = [w + law.log_prob(x).flatten(1).sum(1) for w, law in zip(mixture.weights.log(), laws, strict=True)]
    torch.testing.assert_close(mixture(x), -torch.stack(logs).logsumexp(0))
    at = x.clone().requires_grad_()
    torch.testing.assert_close(mixture.score(x), -torch.autograd.grad(mixture(at).sum(), at)[0])
    posterior = MixturePosterior(mixture, Mask(torch.ones(1, 3)), x, sigma=0.1)
    torch.testing.assert_close(posterior.mean, mixture.posterior_mean(x, 0.1))
    assert posterior.sample(2, seed=0).shape == (2, 4, 1, 1, 3)
