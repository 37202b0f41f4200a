"""Gram matrices and channel moments against NumPy, and what they keep and forget."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprestore_lab.operators import ChannelDeviation, ChannelMean, Gram


def maps(shape=(2, 3, 4, 5), seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("normalisation", "count"), [("chw", 60), ("hw", 20), ("none", 1)])
def test_the_gram_matrix_is_a_sum_of_outer_products(normalisation, count):
    f = maps()
    expected = np.zeros((2, 3, 3))
    for n in range(2):
        for i in range(4):
            for j in range(5):
                expected[n] += np.outer(f[n, :, i, j], f[n, :, i, j]) / count
    np.testing.assert_allclose(Gram(normalisation=normalisation)(f), expected, rtol=1e-12)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=25)
def test_statistics_forget_where_and_gram_matrices_are_positive(channels, side, seed):
    f = maps((1, channels, side, side + 1), seed)
    order = torch.randperm(side * (side + 1), generator=torch.Generator().manual_seed(seed))
    shuffled = f.flatten(2)[:, :, order].reshape(f.shape)
    for statistic in (Gram(), ChannelMean(), ChannelDeviation()):
        torch.testing.assert_close(statistic(f), statistic(shuffled))
    assert float(torch.linalg.eigvalsh(Gram()(f)).min()) > -1e-12


def test_moments_are_numpys():
    f = maps()
    np.testing.assert_allclose(ChannelMean()(f), f.numpy().mean((2, 3)), rtol=1e-12)
    for unbiased in (True, False):
        expected = f.numpy().std((2, 3), ddof=int(unbiased))
        np.testing.assert_allclose(ChannelDeviation(unbiased=unbiased, eps=0.0)(f), expected, rtol=1e-12)


def test_the_deviation_has_a_gradient_where_a_channel_is_constant():
    f = torch.ones(1, 2, 3, 3, requires_grad=True)
    ChannelDeviation()(f).sum().backward()
    assert torch.isfinite(f.grad).all()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="'chw', 'hw', 'none'; got 'elements'"):
        Gram(normalisation="elements")
    with pytest.raises(ValueError, match="a single one"):
        ChannelDeviation()(torch.zeros(1, 2, 1, 1))
    with pytest.raises(ValueError, match="eps must be"):
        ChannelDeviation(eps=-1.0)
    with pytest.raises(ValueError, match=r"float tensor of shape \(N, C, H, W\)"):
        Gram()(torch.zeros(2, 3, 4))
