"""One regulariser for all levels: its bound, its law of scaling, its units."""

from __future__ import annotations

import math

import pytest
import torch
from small_ridges import hessian
from torch import nn

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors.ridge_family import ACCURACY, LEVELS, MOST_CONCAVE, RidgeFamily, cosines, mirrored
from refusals import refused


@pytest.fixture(scope="module")
def family() -> RidgeFamily:
    """Moved away from its start, so far that the bound is at work."""
    made, generator = RidgeFamily(size=3), torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        nn.init.normal_(parameter, mean=float(parameter.detach().mean()), std=0.3, generator=generator)
    return made


def picture(seed: int = 0, size: int = 8) -> torch.Tensor:
    return torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("level", [2, 5, 10, 25, 50, 70])
def test_every_level_is_within_the_bound_of_convexity(family, level):
    sigma = level / 255
    at = family.at(sigma)
    assert at.weak_convexity * sigma**2 <= MOST_CONCAVE * (1 + 1e-3)
    eigenvalues = torch.linalg.eigvalsh(hessian(at, picture(level)).double())
    assert -eigenvalues.min() * sigma**2 <= MOST_CONCAVE * (1 + 1e-3)


def test_the_bound_is_at_work_here(family):
    assert max(family.at(s).weak_convexity * s**2 for s in LEVELS) > 0.5


def test_scales_stretch_a_potential_and_keep_its_curvature(family):
    """psi(a z) / a^2: the second derivative by z is psi''(a z), whatever the scale a."""
    convex = family.convex()
    one, other = (family.stretched(convex, s).detached() for s in (LEVELS[1], LEVELS[2]))
    ratio = (one.filters.flatten(1).norm(dim=1) / other.filters.flatten(1).norm(dim=1))[:, None]
    z = torch.linspace(-3, 3, 13).repeat(len(ratio), 1)[None]
    weight = (one.weights[0, 0] / other.weights[0, 0]) * ratio[0] ** 2
    _, first = one.slopes_and_curvatures(z)
    _, second = other.slopes_and_curvatures(z)
    torch.testing.assert_close(first * ratio**2, weight * second, rtol=1e-4, atol=1e-5)


def test_between_two_levels_scales_are_geometric_means(family):
    convex = family.convex()
    middle = math.sqrt(LEVELS[1] * LEVELS[2])
    low, mid, high = (family.stretched(convex, s).filters.detach() for s in (LEVELS[1], middle, LEVELS[2]))
    torch.testing.assert_close(mid.square(), low * high, rtol=1e-4, atol=1e-6)


def test_with_the_likelihood_it_is_the_trained_objective_in_nats(family):
    sigma, x, y = 0.1, picture(1), picture(2)
    trained = (x - y).square().sum() / 2 + family.stretched(family.convex(), sigma)(x)
    both = GaussianLikelihood(Identity(), y, sigma=sigma) + family.at(sigma)
    assert float(both(x).detach()) == pytest.approx(float(trained.detach()) / sigma**2, rel=1e-4)


def test_denoising_is_that_of_the_larger_mirrored_picture(family):
    y, sigma = picture(3, size=16), 0.1
    large = family.at(sigma).prox(mirrored(y, 12), sigma**2)
    torch.testing.assert_close(family.denoised(y, sigma), large[..., 12:-12, 12:-12], rtol=0, atol=ACCURACY)


def test_filters_have_no_mean_and_start_as_orthonormal_cosines():
    filters, _ = RidgeFamily(size=5).convex()
    assert filters.detach().mean((2, 3)).abs().max() < 1e-6
    torch.testing.assert_close(cosines(5) @ cosines(5).T, torch.eye(24), rtol=0, atol=1e-6)


def test_a_count_beyond_the_cosines_is_refused():
    with pytest.raises(ValueError, match="count"):
        RidgeFamily(size=3, count=9)
    with pytest.raises(ValueError, match="at most 1"):
        RidgeFamily(size=3).at(1.5)


test_what_cannot_be_denoised_is_refused_by_name = refused(
    (255 * torch.rand(1, 1, 16, 16), 0.1, "255"),
    (torch.rand(1, 1, 16, 16).numpy(), 0.1, "y must"),
    (torch.rand(1, 1, 16, 16).half(), 0.1, "float16"),
    (torch.rand(2, 1, 16, 16), torch.tensor([0.1, 0.2]), "sigma"),
    by=lambda y, sigma: RidgeFamily().denoised(y, sigma),
)


def test_a_picture_of_double_precision_is_denoised_as_one_of_single():
    y = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = RidgeFamily().denoised(y, 0.1)
    torch.testing.assert_close(RidgeFamily().denoised(y.double(), 0.1), expected.double(), atol=2e-3, rtol=0)
