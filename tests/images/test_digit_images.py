"""Digits, against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from deeprestore_lab import images


def test_all_digits_are_scikit_learns():
    x, labels = images.digits("all")
    theirs = load_digits()
    assert x.shape == (1797, 1, 8, 8) and x.dtype == torch.float32 and labels.dtype == torch.int64
    np.testing.assert_allclose(x[:, 0] * 16, theirs.images)
    assert np.array_equal(labels, theirs.target)


def test_the_splits_are_all_of_them_and_hold_every_class():
    (train, train_labels), (test, test_labels) = images.digits("train"), images.digits("test")
    assert torch.equal(torch.cat([train, test]), images.digits("all")[0])
    assert len(test) == 360
    for labels in (train_labels, test_labels):
        counts = labels.bincount()
        assert len(counts) == 10 and counts.max() < 1.2 * counts.min()


def test_digits_can_be_changed_without_harm():
    images.digits("all")[0].zero_()
    assert images.digits("all")[0].max() == 1
    with pytest.raises(ValueError, match="split must be"):
        images.digits("validation")
