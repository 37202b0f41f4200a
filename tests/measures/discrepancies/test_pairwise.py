"""MMD and energy distance against loops over pairs, expectations of Gaussians, and their one-dimensional form."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import energy_distance as scipy_energy_distance

from deeprestore_lab.measures.discrepancies import (
    energy_distance,
    maximum_mean_discrepancy,
    projected_length,
    same_law_level,
)
from refusals import refused

WIDTHS = [0.3, 1.0, 2.5]


def sample(count: int, latent: int, seed: int) -> torch.Tensor:
    return torch.randn(count, latent, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(value, a: torch.Tensor, b: torch.Tensor, *, biased: bool) -> float:
    """E value(a, a') + E value(b, b') - 2 E value(a, b)."""

    def own(rows):
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if biased or i != j]
        return sum(value(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    across = sum(value(x, y) for x in a for y in b) / (len(a) * len(b))
    return float(own(a) + own(b) - 2 * across)


@pytest.mark.parametrize("biased", [False, True])
def test_both_are_means_over_pairs(biased):
    a, b = sample(5, 3, 0), 2 * sample(7, 3, 1) + 1

    def kernel(x, y):
        return sum(math.exp(-float((x - y).square().sum()) / (2 * h * h)) for h in WIDTHS) / len(WIDTHS)

    ours = maximum_mean_discrepancy(a, b, bandwidths=WIDTHS, biased=biased)
    assert float(ours) == pytest.approx(by_loops(kernel, a, b, biased=biased))
    ours = energy_distance(a, b, biased=biased)
    assert float(ours) == pytest.approx(by_loops(lambda x, y: -(x - y).norm(), a, b, biased=biased))


def test_mmd_of_two_gaussians_is_the_closed_form():
    """E k of Gaussians: |x - y| is Gaussian again, and its kernel a Gaussian integral."""
    d, h, shift = 3, 1.3, 0.9
    fall = (h * h / (h * h + 2)) ** (d / 2)
    expected = 2 * fall * (1 - math.exp(-shift * shift / (2 * (h * h + 2))))
    values = [
        float(maximum_mean_discrepancy(sample(40, d, s), sample(50, d, 10_000 + s) + shift / d**0.5, bandwidths=[h]))
        for s in range(300)
    ]
    mean, error = torch.tensor(values).mean(), torch.tensor(values).std() / 300**0.5
    assert float(mean) == pytest.approx(expected, abs=4 * float(error)) and error < expected / 20


def test_two_samples_of_one_law_give_zero_or_the_stated_bias():
    count, d, h = 12, 2, 1.0
    fall = (h * h / (h * h + 2)) ** (d / 2)
    cases = {
        (lambda a, b: maximum_mean_discrepancy(a, b, bandwidths=[h])): 0.0,
        (lambda a, b: maximum_mean_discrepancy(a, b, bandwidths=[h], biased=True)): 2 / count * (1 - fall),
        energy_distance: 0.0,
        # |a - a'| of two plane Gaussians is sqrt(2) times a Rayleigh variable
        (lambda a, b: energy_distance(a, b, biased=True)): 2 / count * 2**0.5 * (math.pi / 2) ** 0.5,
    }
    for number, (discrepancy, expected) in enumerate(cases.items()):
        generator = torch.Generator().manual_seed(number)
        level = same_law_level(
            discrepancy, lambda n, g=generator: torch.randn(n, d, generator=g), count=count, repeats=400
        )
        assert level.mean == pytest.approx(expected, abs=4 * level.deviation / 400**0.5)


def test_on_a_line_energy_distance_is_scipys_squared():
    a, b = sample(9, 1, 3), 2 * sample(14, 1, 4)
    expected = scipy_energy_distance(a[:, 0].numpy(), b[:, 0].numpy()) ** 2
    assert float(energy_distance(a, b, biased=True)) == pytest.approx(expected)


def test_energy_distance_is_the_mean_of_its_projections_over_their_length():
    a, b = sample(8, 2, 5), sample(6, 2, 6) + 1
    angles = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000 * math.pi
    lines = [
        scipy_energy_distance((a @ v).numpy(), (b @ v).numpy()) ** 2
        for v in torch.stack([angles.cos(), angles.sin()], 1)
    ]
    expected = sum(lines) / len(lines) / projected_length(2)
    assert float(energy_distance(a, b, biased=True)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("latent", [2, 5, 12])
def test_projected_length_is_the_integral_over_the_sphere(latent):
    def weight(s):
        return (1 - s * s) ** ((latent - 3) / 2)

    expected = quad(lambda s: s * weight(s), 0, 1)[0] / quad(weight, 0, 1)[0]
    assert projected_length(latent) == pytest.approx(expected, rel=1e-6)


def test_gradients_are_those_of_finite_differences_and_finite_where_points_meet():
    a, b = sample(4, 3, 0).requires_grad_(), sample(5, 3, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: maximum_mean_discrepancy(a, b, bandwidths=WIDTHS), (a, b))
    assert torch.autograd.gradcheck(energy_distance, (a, b))
    meeting = torch.zeros(3, 2, requires_grad=True)
    (
        energy_distance(meeting, torch.zeros(2, 2)) + maximum_mean_discrepancy(meeting, meeting, bandwidths=[1.0])
    ).backward()
    assert torch.equal(meeting.grad, torch.zeros(3, 2))


test_what_does_not_fit_is_named = refused(
    (lambda: maximum_mean_discrepancy(sample(3, 2, 0), sample(3, 2, 0), bandwidths=[]), "at least one"),
    (lambda: maximum_mean_discrepancy(sample(3, 2, 0), sample(3, 2, 0), bandwidths=[0.0]), "bandwidth"),
    (lambda: maximum_mean_discrepancy(sample(3, 2, 0), sample(3, 2, 0), bandwidths=1.0), "sequence"),
    (lambda: maximum_mean_discrepancy(sample(1, 2, 0), sample(3, 2, 0), bandwidths=[1.0]), "at least 2 rows"),
    (lambda: energy_distance(sample(3, 2, 0), sample(3, 2, 0).float()), "one length and type"),
)
