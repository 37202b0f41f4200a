"""Sliced Wasserstein against SciPy in each direction, exact transport above it and against all permutations."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import ks_1samp, norm

from deeprestore_lab.measures.discrepancies import (
    exact_wasserstein,
    random_directions,
    same_law_level,
    sliced_wasserstein,
)
from refusals import refused


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample(count: int, latent: int, seed: int) -> torch.Tensor:
    return torch.rand(count, latent, generator=draw(seed), dtype=torch.float64)


def quantiles_integrated(a: np.ndarray, b: np.ndarray) -> float:
    """W2^2 in one dimension by the transport that fills both from the left, as one would with sand."""
    a, b = np.sort(a), np.sort(b)
    i = j = 0
    left, other, cost = 1 / len(a), 1 / len(b), 0.0
    while i < len(a) and j < len(b):
        moved = min(left, other)
        cost += moved * (a[i] - b[j]) ** 2
        left, other = left - moved, other - moved
        if left < 1e-12:
            i, left = i + 1, 1 / len(a)
        if other < 1e-12:
            j, other = j + 1, 1 / len(b)
    return cost


@pytest.mark.parametrize(("count", "other"), [(7, 7), (7, 5), (6, 18), (1, 4)])
def test_each_direction_is_transport_on_a_line(count, other):
    a, b = sample(count, 3, 0), sample(other, 3, 1)
    directions = random_directions(3, 6, generator=draw(2)).double()
    lines = [quantiles_integrated((a @ v).numpy(), (b @ v).numpy()) for v in directions.T]
    assert float(sliced_wasserstein(a, b, directions=directions)) == pytest.approx(np.mean(lines), rel=1e-9)


def test_on_a_line_it_is_the_exact_distance():
    a, b = sample(20, 1, 0), sample(20, 1, 1) ** 2
    ours = sliced_wasserstein(a, b, directions=torch.ones(1, 1))
    torch.testing.assert_close(ours, exact_wasserstein(a, b))


def test_a_repeated_sample_is_the_same_sample():
    a, b, directions = sample(6, 2, 0), sample(8, 2, 1), random_directions(2, 4, generator=draw(0))
    once = sliced_wasserstein(a, b, directions=directions)
    torch.testing.assert_close(sliced_wasserstein(a.repeat(4, 1), b.repeat(3, 1), directions=directions), once)


def test_whole_orthonormal_blocks_stay_below_exact_transport_and_measure_a_shift_exactly():
    directions = random_directions(5, 10, generator=draw(0), orthogonal=True).double()
    for seed in range(5):
        a, b = sample(15, 5, seed), 1.5 * sample(15, 5, 100 + seed) ** 2
        assert 5 * sliced_wasserstein(a, b, directions=directions) <= exact_wasserstein(a, b)
    shift = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0], dtype=torch.float64)
    expected = float(shift.square().sum()) / 5
    assert float(sliced_wasserstein(a, a + shift, directions=directions)) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_is_that_of_finite_differences():
    directions = random_directions(3, 4, generator=draw(1)).double()
    for other in (6, 4):
        a, b = sample(6, 3, 0).requires_grad_(), sample(other, 3, 1).requires_grad_()
        assert torch.autograd.gradcheck(lambda a, b: sliced_wasserstein(a, b, directions=directions), (a, b))


def test_two_uniform_batches_are_a_third_over_n_plus_one_apart():
    for count in (1, 4, 32):
        generator = draw(count)
        level = same_law_level(
            lambda a, b: sliced_wasserstein(a, b, directions=torch.ones(1, 1)),
            lambda n, generator=generator: torch.rand(n, 1, generator=generator),
            count=count,
            repeats=800,
        )
        assert level.mean == pytest.approx(1 / (3 * (count + 1)), abs=4 * level.deviation / 800**0.5)
        assert level.deviation < 2 * level.mean  # so that the line above can fail


def test_two_gaussian_batches_differ_by_the_variances_of_order_statistics():
    count = 9

    def moment(i: int, power: int) -> float:
        """E X_(i)^power, from the density of the i-th of `count`."""
        weight = count * math.comb(count - 1, i - 1)
        density = lambda s: weight * norm.cdf(s) ** (i - 1) * norm.sf(s) ** (count - i) * norm.pdf(s)  # noqa: E731
        return quad(lambda s: s**power * density(s), -9, 9)[0]

    expected = 2 / count * sum(moment(i, 2) - moment(i, 1) ** 2 for i in range(1, count + 1))
    generator, directions = draw(0), random_directions(4, 8, generator=draw(1))
    level = same_law_level(
        lambda a, b: sliced_wasserstein(a, b, directions=directions),
        lambda n: torch.randn(n, 4, generator=generator),
        count=count,
        repeats=800,
    )
    assert level.mean == pytest.approx(expected, abs=4 * level.deviation / 800**0.5)


def test_batches_shrink_codes_by_two_over_n_plus_one():
    """The expected loss of uniform codes of spread s is a parabola in s: three values give its lowest point."""
    count, generator = 5, draw(3)
    own, other = (torch.rand(200_000, count, generator=generator).sort(dim=1).values - 0.5 for _ in range(2))
    values = [float((s * own - other).square().mean()) for s in (0.0, 0.5, 1.0)]
    second, first = 2 * (values[0] - 2 * values[1] + values[2]), -3 * values[0] + 4 * values[1] - values[2]
    assert -first / (2 * second) == pytest.approx((count - 1) / (count + 1), abs=5e-3)


@pytest.mark.parametrize("orthogonal", [False, True])
def test_directions_are_uniform_on_the_sphere(orthogonal):
    """In three dimensions each coordinate of a uniform direction is uniform on [-1, 1] (Archimedes)."""
    directions = random_directions(3, 4000, generator=draw(0), orthogonal=orthogonal)
    assert directions.shape == (3, 4000)
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(4000))
    for row in directions:
        assert ks_1samp(row.numpy()[::3], lambda s: (s + 1) / 2).pvalue > 1e-3


def test_orthogonal_directions_come_in_orthonormal_blocks():
    directions = random_directions(4, 10, generator=draw(0), orthogonal=True)
    torch.testing.assert_close(directions[:, 4:8].T @ directions[:, 4:8], torch.eye(4), atol=1e-6, rtol=0)
    assert directions.shape == (4, 10)


def test_directions_follow_their_generator():
    assert torch.equal(*(random_directions(3, 5, generator=draw(7)) for _ in range(2)))
    assert not torch.equal(*(random_directions(3, 5, generator=draw(seed)) for seed in (7, 8)))


test_what_does_not_fit_is_named = refused(
    (lambda: sliced_wasserstein(sample(3, 2, 0), sample(3, 4, 0), directions=torch.eye(2)), "one length"),
    (lambda: sliced_wasserstein(sample(3, 2, 0), sample(3, 2, 0), directions=torch.eye(3)), r"shape \(2, K\)"),
    (lambda: sliced_wasserstein(sample(3, 2, 0), sample(3, 2, 0), directions=torch.ones(2, 0)), "at least one"),
    (lambda: sliced_wasserstein(torch.ones(3), sample(3, 2, 0), directions=torch.eye(2)), r"a must be .*\(N, D\)"),
    (lambda: sliced_wasserstein(sample(3, 2, 0), sample(3, 2, 0), directions=torch.ones(2, 4)), "of length 1, got"),
    (lambda: sliced_wasserstein(sample(3, 2, 0), sample(3, 2, 0), directions=torch.eye(2) * torch.nan), "length 1"),
    (lambda: random_directions(0, 3), "latent"),
    (lambda: random_directions(3, 0), "count"),
    (lambda: exact_wasserstein(sample(3, 2, 0), sample(4, 2, 0)), "one size"),
    (lambda: same_law_level(lambda a, b: a.sum(), torch.rand, count=3, repeats=1), "repeats"),
)


def test_it_is_the_best_of_all_permutations():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(6, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    best = min(float((a - b[list(order)]).square().sum(1).mean()) for order in permutations(range(6)))
    assert float(exact_wasserstein(a, b)) == pytest.approx(best)


def test_a_shuffled_and_shifted_sample_is_the_shift_away():
    a = torch.randn(40, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shift = torch.tensor([1.0, 2.0, 0.0, -1.0], dtype=torch.float64)
    assert float(exact_wasserstein(a, a.flip(0) + shift)) == pytest.approx(6.0)


def test_the_gradient_is_that_of_the_matched_pairs():
    generator = torch.Generator().manual_seed(2)
    a, b = (torch.rand(5, 2, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(exact_wasserstein, (a, b))
