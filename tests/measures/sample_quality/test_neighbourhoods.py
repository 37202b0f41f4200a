"""The four shares against their definitions written out, their expectations for one law, and known generators."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from deeprestore_lab.measures.sample_quality import neighbourhoods, precision_and_coverage
from refusals import refused

MODES = 8.0 * torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def normal(count: int, seed: int, size: int = 2) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def modes(count: int, seed: int, which: tuple[int, ...] = (0, 1, 2, 3)) -> torch.Tensor:
    """Rows around some of four points, the same number at each."""
    return normal(count, seed) + MODES[list(which)].repeat(count // len(which), 1)


def by_definition(samples: np.ndarray, real: np.ndarray, k: int) -> tuple[float, float, float, float]:
    def apart(a, b):
        return math.dist(a, b)

    radii = [sorted(apart(x, other) for other in real)[k] for x in real]  # place 0 is the row itself
    own = [sorted(apart(s, other) for other in samples)[k] for s in samples]
    inside = np.array([[apart(s, x) <= r for s in samples] for x, r in zip(real, radii, strict=True)])
    reached = [any(apart(x, s) <= q for s, q in zip(samples, own, strict=True)) for x in real]
    density = inside.sum() / (k * len(samples))
    return float(inside.any(0).mean()), float(np.mean(reached)), float(density), float(inside.any(1).mean())


@pytest.mark.parametrize("chunk", [1, 300, 2**25])
@pytest.mark.parametrize("k", [1, 4])
def test_they_are_their_definitions_in_any_chunks(k, chunk, monkeypatch):
    monkeypatch.setattr(neighbourhoods, "CHUNK", chunk)
    samples, real = 0.7 * normal(25, 0, 3) + 0.5, normal(31, 1, 3)
    ours = precision_and_coverage(samples, real, k=k)
    assert ours == pytest.approx(by_definition(samples.double().numpy(), real.double().numpy(), k))
    assert 0 < min(ours) and min(ours) < 1


@pytest.mark.parametrize(("count", "other", "k"), [(60, 60, 3), (100, 40, 5)])
def test_one_law_has_density_one_and_the_stated_coverage(count, other, k):
    found = [precision_and_coverage(normal(other, 2 * s), normal(count, 2 * s + 1), k=k) for s in range(150)]
    values = np.array([[each.density, each.coverage] for each in found])
    errors = 4 * values.std(0) / len(values) ** 0.5
    covered = 1 - math.prod((count - m) / (other + count - m) for m in range(1, k + 1))
    assert abs(values[:, 0].mean() - 1) < errors[0] < 0.1
    assert abs(values[:, 1].mean() - covered) < errors[1] < 0.05


def test_the_same_law_has_all_four_high():
    shares = precision_and_coverage(modes(400, 0), modes(400, 1))
    assert min(shares.precision, shares.recall) > 0.9 and min(shares.density, shares.coverage) > 0.85


def test_a_collapsed_generator_is_precise_and_covers_nothing():
    real = modes(400, 1)
    samples = MODES[:1] + 1e-3 * normal(400, 2)
    shares = precision_and_coverage(samples, real)
    assert shares.precision == 1 and shares.recall < 0.02 and shares.coverage < 0.1


def test_a_dropped_mode_is_the_share_that_recall_and_coverage_lack():
    real = modes(400, 1)
    whole, dropped = (precision_and_coverage(modes(396, 3, which), real) for which in ((0, 1, 2, 3), (0, 1, 2)))
    assert dropped.precision > 0.9
    assert dropped.recall == pytest.approx(0.75 * whole.recall, abs=0.03)
    assert dropped.coverage == pytest.approx(0.75 * whole.coverage, abs=0.05)


def test_far_outliers_raise_recall_and_lower_the_rest():
    """Eight samples far out have balls that hold what is missing: why density and coverage were made."""
    real, samples = modes(400, 1), modes(396, 3, (0, 1, 2))
    angles = torch.arange(8) * math.pi / 4
    samples[:8] = 1000 * torch.stack([angles.cos(), angles.sin()], dim=1)
    before, after = precision_and_coverage(modes(396, 3, (0, 1, 2)), real), precision_and_coverage(samples, real)
    assert before.recall < 0.76 and after.recall > 0.95
    assert after.precision == pytest.approx(before.precision * 388 / 396, abs=0.005)
    assert after.coverage <= before.coverage and after.density < before.density


def test_outliers_among_real_rows_make_anything_precise_and_not_dense():
    real = modes(400, 1)
    real[:8] = 1000 * torch.stack([torch.cos(torch.arange(8.0)), torch.sin(torch.arange(8.0))], dim=1)
    far = 100 + normal(200, 4)
    shares = precision_and_coverage(far, real)
    assert shares.precision == 1.0 and shares.density < 2.0 and shares.coverage < 0.03


def test_memory_is_not_seen_unless_other_real_rows_are_asked():
    """Every row lies in its own ball and in those of the k rows around it, on average: density (k + 1) / k."""
    train, held_out = normal(300, 5, 8), normal(300, 6, 8)
    shares = precision_and_coverage(train, train, k=5)
    assert shares == pytest.approx((1.0, 1.0, 6 / 5, 1.0))
    assert precision_and_coverage(train, held_out, k=5).density < 1.15
    assert precision_and_coverage(train.float(), train.float() + 50, k=5).coverage == 0.0


test_what_does_not_fit_is_named = refused(
    (lambda: precision_and_coverage(normal(5, 0), normal(9, 0), k=5), "samples must have at least 6 rows"),
    (lambda: precision_and_coverage(normal(9, 0), normal(5, 0), k=5), "real must have at least 6 rows"),
    (lambda: precision_and_coverage(normal(9, 0), normal(9, 0, 3)), "samples and real"),
    (lambda: precision_and_coverage(normal(9, 0), normal(9, 0), k=0), "k must be"),
)
