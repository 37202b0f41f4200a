"""The area under the curve against scikit-learn, with ties."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from deeprestore_lab.measures.sample_quality import area_under_roc
from refusals import refused

SCORES = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


@given(SCORES, SCORES)
def test_it_is_scikit_learns_with_any_ties(inside, outside):
    ours = area_under_roc(torch.tensor(inside), torch.tensor(outside).float())
    assert ours == pytest.approx(roc_auc_score([0] * len(inside) + [1] * len(outside), inside + outside))


@given(SCORES, SCORES)
def test_sides_change_places(inside, outside):
    a, b = torch.tensor(inside).float(), torch.tensor(outside).float()
    assert area_under_roc(a, b) + area_under_roc(b, a) == pytest.approx(1.0)


def test_large_groups_and_infinite_scores():
    generator = torch.Generator().manual_seed(0)
    inside, outside = torch.randn(5000, generator=generator), torch.randn(3000, generator=generator) + 1
    expected = roc_auc_score([0] * 5000 + [1] * 3000, torch.cat([inside, outside]).numpy())
    assert area_under_roc(inside, outside) == pytest.approx(expected)
    assert area_under_roc(torch.tensor([0.0, 1.0]), torch.tensor([float("inf")])) == 1.0


test_what_does_not_fit_is_named = refused(
    (torch.ones(2, 2), torch.ones(3), "inside must be"),
    (torch.ones(2), torch.ones(0), "outside must be"),
    (torch.ones(2), [1.0], "outside must be"),
    (torch.tensor([float("nan")]), torch.ones(3), "inside holds scores that are NaN"),
    by=area_under_roc,
)
