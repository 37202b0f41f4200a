"""Nats of groups: against SciPy's normal density and the mutual information of a Gaussian."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from deeprestore_lab.measures.feature_statistics import group_nats, patch_rows

DRAW = torch.Generator().manual_seed(0)
MIX = torch.randn(4, 4, generator=DRAW)
ROWS = torch.randn(5000, 4, generator=DRAW) @ MIX


def test_nats_are_those_of_scipy():
    held = torch.randn(50, 4, generator=DRAW) @ MIX
    covariance = np.cov(ROWS.double().numpy().T) + 0.05 * np.eye(4)
    expected = 0.0
    for own in (slice(0, 2), slice(2, 4)):
        law = multivariate_normal(ROWS.double().mean(0).numpy()[own], covariance[own, own])
        expected -= law.logpdf(held.numpy()[:, own]).mean() / 4
    assert group_nats(ROWS, held, groups=2, ridge=0.05) == pytest.approx(expected, rel=1e-5)


def test_what_groups_cost_is_the_mutual_information_between_them():
    covariance = ROWS.double().T.cov()
    blocks = sum(torch.logdet(covariance[i : i + 2, i : i + 2]) for i in (0, 2))
    information = float(blocks - torch.logdet(covariance)) / 2 / 4
    cost = group_nats(ROWS, ROWS, groups=2, ridge=0.0) - group_nats(ROWS, ROWS, groups=1, ridge=0.0)
    assert cost == pytest.approx(information, rel=1e-6) and cost > 0


def test_rows_are_patches_with_the_channel_first():
    z = torch.arange(2 * 2 * 4 * 4.0).view(2, 2, 4, 4)
    rows = patch_rows(z, 2, every=2)
    assert rows.shape == (8, 8) and torch.equal(rows[1], z[0, :, :2, 2:].flatten())


def test_what_does_not_fit_is_refused():
    for wrong in (lambda: group_nats(ROWS, ROWS[:, :2], groups=1), lambda: group_nats(ROWS, ROWS, groups=3)):
        with pytest.raises(ValueError, match="rows|groups"):
            wrong()
    with pytest.raises(ValueError, match="maps"):
        patch_rows(torch.zeros(1, 1, 2, 2), 3)
