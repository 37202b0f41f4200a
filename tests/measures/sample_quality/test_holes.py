"""The hole rate against scikit-learn's neighbours, and on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from deeprestore_lab.measures.sample_quality import hole_rate, threshold_of
from refusals import refused


def normal(count: int, seed: int, size: int = 3) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_threshold_and_rate_are_order_statistics_of_scikit_learns_distances():
    reference, real, samples = normal(80, 0), normal(50, 1), 1.5 * normal(60, 2)
    search = NearestNeighbors(n_neighbors=1).fit(reference.numpy())
    to_real, to_samples = (np.sort(search.kneighbors(rows.numpy())[0][:, 0]) for rows in (real, samples))
    for share, place in ((0.95, 47), (0.9, 44), (0.5, 24), (1.0, 49), (0.001, 0)):
        threshold = threshold_of(real, reference, share=share)
        assert threshold == pytest.approx(float(to_real[place]), rel=1e-5)
        expected = float((to_samples > to_real[place] * (1 + 1e-6)).mean())
        assert hole_rate(samples, reference, threshold=threshold) == expected


@pytest.mark.parametrize("share", [0.07, 0.29, 0.57, 0.95])
def test_of_a_hundred_real_rows_the_share_is_exact(share):
    real, reference = normal(100, 3), normal(300, 4)
    rate = hole_rate(real, reference, threshold=threshold_of(real, reference, share=share))
    assert rate == pytest.approx(1 - share)


def test_the_same_law_has_the_remaining_share_of_holes():
    reference = normal(1000, 5)
    threshold = threshold_of(normal(2000, 6), reference)
    error = (0.05 * 0.95 * 2 / 2000) ** 0.5  # of the rate and of the threshold
    assert hole_rate(normal(2000, 7), reference, threshold=threshold) == pytest.approx(0.05, abs=4 * error)


def test_it_counts_far_points_and_is_blind_to_collapse_and_memory():
    reference = normal(500, 8)
    threshold = threshold_of(normal(500, 9), reference)
    samples = reference[:100].clone()
    assert hole_rate(samples, reference, threshold=threshold) == 0  # memory
    samples[:30] += 100
    assert hole_rate(samples, reference, threshold=threshold) == 0.3
    assert hole_rate(reference[:1].expand(50, -1), reference, threshold=threshold) == 0  # collapse
    assert hole_rate(normal(1, 10).expand(5, -1) * 0, reference, threshold=threshold) == 0  # the mean


test_what_does_not_fit_is_named = refused(
    (lambda: threshold_of(normal(3, 0), normal(3, 0), share=0.0), "share must lie"),
    (lambda: threshold_of(normal(3, 0), normal(3, 0), share=1.5), "share must lie"),
    (lambda: threshold_of(normal(3, 0), normal(3, 0, 4)), "real and reference"),
    (lambda: hole_rate(normal(3, 0), normal(3, 0), threshold=-1.0), "threshold"),
    (lambda: hole_rate(normal(3, 0)[0], normal(3, 0), threshold=1.0), "samples must be"),
)
