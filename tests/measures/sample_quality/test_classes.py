"""The entropy of the mean class distribution against SciPy's."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import entropy

from deeprestore_lab.measures.sample_quality import class_entropy
from refusals import refused


def test_it_is_scipys_entropy_of_the_mean_row():
    rows = torch.randn(20, 7, generator=torch.Generator().manual_seed(0)).softmax(1)
    assert class_entropy(rows) == pytest.approx(entropy(rows.double().mean(0).numpy(), base=7), abs=1e-6)


def test_collapse_dropped_classes_and_all_classes():
    sure = torch.eye(10)
    assert class_entropy(sure) == pytest.approx(1.0)
    assert str(class_entropy(sure[:1].expand(50, -1))) == "0.0"  # not -0.0
    assert class_entropy(sure[:5]) == pytest.approx(entropy([1] * 5) / entropy([1] * 10))


def test_a_classifier_that_is_never_sure_is_not_told_from_all_classes():
    assert class_entropy(torch.full((3, 10), 0.1)) == pytest.approx(1.0)


test_what_is_no_distribution_is_named = refused(
    (torch.tensor([[2.0, -1.0]]), "softmax"),
    (torch.tensor([[0.2, 0.2]]), "softmax"),
    (torch.tensor([[float("nan"), 0.2]]), "softmax"),
    (torch.ones(4, 1), "two classes"),
    (torch.ones(4), r"\(N, D\)"),
    (torch.zeros(0, 4), "at least 1"),
    by=class_entropy,
)
