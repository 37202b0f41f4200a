"""What counts as a sample, and the level of a discrepancy whose law is known."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.measures.discrepancies import same_law_level
from deeprestore_lab.measures.discrepancies.samples import check_pair, check_sample
from refusals import refused


def test_the_level_is_the_mean_and_the_deviation_over_pairs():
    """|a - b| of two uniform numbers has the triangular density 2 (1 - s): mean 1/3, variance 1/18."""
    generator, repeats = torch.Generator().manual_seed(0), 4000
    level = same_law_level(
        lambda a, b: (a - b).abs().sum(), lambda n: torch.rand(n, 1, generator=generator), count=1, repeats=repeats
    )
    error = (1 / 18 / repeats) ** 0.5
    assert level.mean == pytest.approx(1 / 3, abs=4 * error)
    assert level.deviation == pytest.approx((1 / 18) ** 0.5, rel=0.05)


def test_both_samples_have_the_asked_number_of_rows_and_no_gradient():
    seen = []

    def discrepancy(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        seen.extend([len(a), len(b)])
        return (a * weight).sum()

    weight = torch.ones(2, requires_grad=True)
    level = same_law_level(discrepancy, lambda n: torch.ones(n, 2), count=7, repeats=3)
    assert seen == [7] * 6 and level == (14.0, 0.0)


def test_samples_come_back_as_they_are():
    a, b = torch.zeros(3, 2), torch.zeros(5, 2)
    assert check_sample(a, name="a", least=3) is a
    assert check_pair(a, b)[0] is a and check_pair(a, b)[1] is b


test_what_does_not_fit_is_named = refused(
    (lambda: check_sample([[0.0]], name="codes"), r"codes must be a float tensor of shape \(N, D\), got"),
    (lambda: check_sample(torch.zeros(3, 2, dtype=torch.long), name="codes"), "codes must be a float tensor"),
    (lambda: check_sample(torch.zeros(3, 0), name="codes"), "codes must have at least"),
    (lambda: check_sample(torch.zeros(3, 2), name="codes", least=4), "codes must have at least 4 rows"),
    (lambda: check_pair(torch.zeros(3, 2), torch.zeros(3, 1), names=("x", "r")), "x and r must have rows"),
    (lambda: check_pair(torch.zeros(3, 2), torch.zeros(3, 2).double()), "one length and type"),
    (lambda: same_law_level(lambda a, b: a.sum(), torch.rand, count=0), "count"),
    (lambda: same_law_level(lambda a, b: a.sum(), torch.rand, count=3, repeats=1), "repeats"),
)
