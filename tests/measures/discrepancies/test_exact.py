"""Exact transport against all permutations, and against what is known of Gaussians' shifts."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from deeprestore_lab.measures.discrepancies import exact_wasserstein


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
