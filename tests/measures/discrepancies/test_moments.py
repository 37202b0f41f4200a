"""Moments against SciPy's, and what the cube's own points are away on average."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kurtosis, skew, uniform

from deeprestore_lab.measures.discrepancies import moment_mismatch, same_law_level
from deeprestore_lab.measures.discrepancies.moments import CUBE_FOURTH
from refusals import refused


def sample(count: int, latent: int, seed: int) -> torch.Tensor:
    return torch.rand(count, latent, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_cubes_moments_are_scipys():
    mean, variance, third, excess = (float(value) for value in uniform.stats(moments="mvsk"))
    assert (mean, third) == (0.5, 0.0) and variance == pytest.approx(1 / 12)
    assert pytest.approx(excess + 3) == CUBE_FOURTH


def test_with_equal_means_and_scales_what_is_left_is_correlation_skewness_and_kurtosis():
    a, b = sample(50, 3, 0) ** 3, sample(60, 3, 1)
    a = (a - a.mean(0)) / a.std(0, unbiased=False) * b.std(0, unbiased=False) + b.mean(0)
    gaps = [np.corrcoef(a.T) - np.corrcoef(b.T)]
    gaps += [statistic(a.numpy(), axis=0) - statistic(b.numpy(), axis=0) for statistic in (skew, kurtosis)]
    expected = sum((gap**2).sum() for gap in gaps) / 3
    assert float(moment_mismatch(a, b)) == pytest.approx(expected)


def test_a_shift_of_one_deviation_in_one_dimension():
    """E z = 1, E z^2 = 2, E z^3 = 1 + 3 + S, E z^4 = 1 + 6 + 4 S + K."""
    b = sample(200, 1, 2)
    third = float(torch.tensor(skew(b.numpy()[:, 0])))
    expected = 1 + 1 + 4**2 - 0 + (7 + 4 * third) ** 2
    shifted = b + b.std(unbiased=False)
    assert float(moment_mismatch(shifted, b)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("latent", [1, 4])
def test_the_cubes_own_points_are_the_stated_level_away(latent):
    count, generator = 20, torch.Generator().manual_seed(3)
    level = same_law_level(
        lambda a, _: moment_mismatch(a),
        lambda n: torch.rand(n, latent, generator=generator, dtype=torch.float64),
        count=count,
        repeats=800,
    )
    expected = (1 + latent - 1 / 5 + 27 / 7 + 144 / 25) / count
    assert level.mean == pytest.approx(expected, abs=4 * level.deviation / 800**0.5)


def test_a_sample_is_not_away_from_itself_and_the_gradient_is_right():
    a, b = sample(6, 2, 0), sample(7, 2, 1)
    assert float(moment_mismatch(b, b.flip(0))) < 1e-20
    assert torch.autograd.gradcheck(moment_mismatch, (a.requires_grad_(),))
    assert torch.autograd.gradcheck(moment_mismatch, (a, b.requires_grad_()))


test_what_does_not_fit_is_named = refused(
    (lambda: moment_mismatch(sample(3, 2, 0), torch.ones(4, 2, dtype=torch.float64)), "column 0 of b"),
    (lambda: moment_mismatch(torch.ones(3)), "a must be"),
    (lambda: moment_mismatch(sample(3, 2, 0), sample(3, 3, 0)), "one length"),
)
