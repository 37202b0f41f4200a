"""Samplers along falling levels, against closed forms of a Gaussian world."""

import math

import pytest
import torch

from deeprestore_lab.priors import StationaryField
from deeprestore_lab.sampling import Ancestral, Euler, Heun, Renoised, draw, errors_of_law, karras_levels, law, mean_of

VARIANCES = torch.tensor([0.01, 0.3, 2.0], dtype=torch.float64)
LEVELS = karras_levels(12, smallest=0.01, largest=20.0)


def mean(y, sigma):
    return y * (VARIANCES / (VARIANCES + sigma**2)).to(y)


def test_euler_is_the_product_of_its_gains():
    gain = torch.ones_like(VARIANCES)
    for sigma, tau in zip(LEVELS, LEVELS[1:], strict=False):
        kept = VARIANCES / (VARIANCES + sigma**2)
        gain = gain * (kept + tau / sigma * (1 - kept))
    torch.testing.assert_close(law(Euler(mean, LEVELS), torch.full_like(VARIANCES, 400.0)), 400 * gain**2)


@pytest.mark.parametrize(("kind", "order"), [(Euler, 1), (Heun, 2)])
def test_the_order_of_the_error(kind, order):
    """Of the flow from 2 to 1, whose exact gain is sqrt((lambda + 1) / (lambda + 4))."""
    exact, found = (VARIANCES + 1) / (VARIANCES + 4), []
    for steps in (64, 128):
        levels = torch.linspace(2, 1, steps + 1).tolist()
        found.append((law(kind(mean, levels), torch.ones_like(VARIANCES)) - exact).abs())
    torch.testing.assert_close((found[0] / found[1]).log2(), torch.full((3,), float(order)).double(), atol=0.05, rtol=0)


def test_ancestral_steps_follow_the_conditional_law():
    """Given D exactly (all variance zero but a known picture), x at tau is N(x0, tau^2)."""
    sampler = Ancestral(lambda y, sigma: 0 * y, [3.0, 1.0])
    torch.testing.assert_close(law(sampler, torch.tensor([9.0])), torch.tensor([1.0]))


def test_ancestral_tends_to_the_law_with_small_steps():
    found = []
    for steps in (50, 400):
        levels = karras_levels(steps, smallest=0.01, largest=20.0)
        start = VARIANCES + 400
        found.append(errors_of_law(law(Ancestral(mean, levels), start), VARIANCES)["Frobenius"])
    assert found[1] < 0.02 < 3 * found[1] < found[0]


def test_ddim_in_fading_pictures_gives_the_same_numbers():
    """Song, Meng and Ermon's equation 12 with x_t = sqrt(a) x, a = 1 / (1 + sigma^2), on any mean."""

    def any_mean(y, sigma):
        return torch.tanh(y / (1 + sigma))

    x = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sampler, fading = Euler(any_mean, [2.0, 0.7]), x / math.sqrt(5.0)
    noise = (x - any_mean(x, 2.0)) / 2.0
    a, b = 1 / 5.0, 1 / 1.49
    predicted = (fading - math.sqrt(1 - a) * noise) / math.sqrt(a)
    other = (math.sqrt(b) * predicted + math.sqrt(1 - b) * noise) / math.sqrt(b)
    torch.testing.assert_close(sampler.step(0, x, torch.randn_like), other)


def test_a_share_of_zero_is_euler_and_one_forgets():
    x = torch.randn(2, 1, 1, 3, dtype=torch.float64)
    euler, kept = Euler(mean, [2.0, 0.5]), Renoised(mean, [2.0, 0.5], share=0.0)
    torch.testing.assert_close(kept.step(0, x, torch.randn_like), euler.step(0, x, torch.randn_like))
    new = Renoised(mean, [2.0, 0.5], share=1.0)
    torch.testing.assert_close(new.step(0, x, torch.ones_like), mean(x, 2.0) + 0.5)


def test_the_draws_of_a_field_have_its_covariance():
    field = StationaryField.power_law((4, 4), mean=0.5)
    start = 0.5 + 5 * torch.randn(6000, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    drawn = draw(Heun(field, karras_levels(30, smallest=0.01, largest=5.0)), start, seed=0)
    found = torch.cov(drawn.x.double().flatten(1).mT)
    assert float((found - field.covariance()).norm() / field.covariance().norm()) < 0.05
    assert drawn.evaluations == 59 and drawn.levels[-1] == 0.0
    torch.testing.assert_close(mean_of(field)(start, 0.3), field.prox(start, 0.09))


@pytest.mark.parametrize("levels", [[1.0], [1.0, 2.0], [2.0, 1.0, -1.0], [math.inf, 1.0], ["a", 1.0]])
def test_levels_must_fall(levels):
    with pytest.raises(ValueError, match="levels must"):
        Euler(mean, levels)


def test_karras_levels_are_even_in_the_root():
    levels = karras_levels(9, smallest=0.02, largest=8.0, rho=5)
    steps = torch.tensor(levels[:-1]).double().pow(1 / 5).diff()
    torch.testing.assert_close(steps, steps[:1].expand(8))
    with pytest.raises(ValueError, match="smallest must be below largest"):
        karras_levels(3, smallest=1.0, largest=1.0)


def test_shares_and_sources_are_checked():
    with pytest.raises(ValueError, match=r"share must lie in \[0, 1\]"):
        Renoised(mean, [1.0, 0.0], share=1.5)
    with pytest.raises(ValueError, match="source must be"):
        Euler("network", [1.0, 0.0])
