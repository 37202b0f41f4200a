"""Rank agreement against SciPy, heads against least squares by NumPy, and the pairs distances are compared on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from deeprestore_lab import images
from deeprestore_lab.images.distortions import DISTORTIONS, distort
from deeprestore_lab.measures.perceptual import distorted_pairs, explained_variance, linear_head, rank_agreement


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_rank_agreement_is_scipys_with_ties_too():
    a, b = numbers(60), numbers(60, seed=1) + numbers(60)
    assert rank_agreement(a, b) == pytest.approx(spearmanr(a.numpy(), b.numpy()).statistic)
    a, b = (3 * a).round(), (3 * b).round()
    assert rank_agreement(a, b) == pytest.approx(spearmanr(a.numpy(), b.numpy()).statistic)


def test_rank_agreement_sees_the_order_alone():
    a = numbers(20)
    assert rank_agreement(a, a.exp()) == pytest.approx(1) and rank_agreement(a, -a) == pytest.approx(-1)
    assert math.isnan(rank_agreement(a, torch.ones(20)))


@pytest.mark.parametrize("b", [torch.ones(3), torch.ones(4, 1), torch.tensor([1.0, math.nan, 2.0, 3.0])])
def test_lists_that_do_not_fit_are_refused(b):
    with pytest.raises(ValueError, match=r"\(N,\)|not finite"):
        rank_agreement(torch.arange(4.0), b)


def test_pairs_hold_every_kind_and_level_of_every_image():
    x = images.photographs(("coffee", "rocket"), size=32)
    reference, distorted, which = distorted_pairs(x, seed=4)
    assert len(reference) == len(distorted) == len(which) == 2 * 5 * len(DISTORTIONS)
    assert set(which) == {(kind, level) for kind in DISTORTIONS for level in DISTORTIONS[kind].levels}
    for place in (0, 1, 23, 58):
        kind, level = which[place]
        assert torch.equal(reference[place], x[place % 2])
        assert torch.equal(distorted[place], distort(x, kind, level=level, seed=4)[place % 2])
    with pytest.raises(ValueError, match="kind must be one of"):
        distorted_pairs(x, kinds=["speckle"])


def test_the_head_is_least_squares():
    maps, target = numbers(3, 4, 5, 6), numbers(3, 2, 5, 6, seed=1)
    columns = maps.movedim(1, -1).reshape(-1, 4).double().numpy()
    solved, *_ = np.linalg.lstsq(
        np.c_[columns, np.ones(len(columns))], target.movedim(1, -1).reshape(-1, 2).double().numpy(), rcond=None
    )
    other = numbers(1, 4, 7, 7, seed=2)
    theirs = np.einsum("nchw,cd->ndhw", other.double().numpy(), solved[:4]) + solved[4][:, None, None]
    ours = linear_head(maps, target, weight=1e-12)(other.double())
    assert np.allclose(ours.numpy(), theirs, atol=1e-8)


def test_a_linear_map_is_explained_whole_and_noise_by_its_share():
    maps = numbers(4, 6, 16, 16)
    mixed = torch.einsum("nchw,dc->ndhw", maps, numbers(5, 6, seed=1)) + 3
    assert explained_variance(linear_head(maps, mixed)(maps), mixed) == pytest.approx(1, abs=1e-6)
    noisy = mixed + mixed.std() * numbers(*mixed.shape, seed=2)  # half of the variance, all channels together
    noisy_share = explained_variance(linear_head(maps, noisy)(maps), noisy)
    assert noisy_share == pytest.approx(float(1 - mixed.var() / noisy.var()), abs=0.1)
    assert explained_variance(mixed.mean((0, 2, 3), keepdim=True).expand_as(mixed), mixed) == pytest.approx(0, abs=1e-6)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="same images and positions"):
        linear_head(numbers(1, 2, 4, 4), numbers(1, 2, 5, 4))
    with pytest.raises(ValueError, match="one shape"):
        explained_variance(numbers(1, 2, 4, 4), numbers(1, 3, 4, 4))
