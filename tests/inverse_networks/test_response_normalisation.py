"""Local response normalisation and its inverse, against torch's layer and calculus."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from deeprestore_lab.inverse_networks import best_scale, fixed_point_inverse, turning_point
from deeprestore_lab.inverse_networks.response_normalisation import divisor

LAYER = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_the_divisor_is_torchs(size):
    layer = nn.LocalResponseNorm(size, alpha=0.02, beta=0.6, k=2.0)
    u = torch.randn(2, 9, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(u / divisor(u, layer), layer(u))


def test_a_lone_channel_turns_where_the_derivative_vanishes():
    top = turning_point(LAYER)
    assert top == pytest.approx(math.sqrt(10 / 1e-4))
    u = torch.tensor([0.9 * top, top, 1.1 * top], dtype=torch.float64, requires_grad=True)
    alone = torch.zeros(3, 5, 1, 1, dtype=torch.float64).index_add(1, torch.tensor([2]), u.reshape(3, 1, 1, 1))
    (slope,) = torch.autograd.grad(LAYER(alone).sum(), u)
    assert slope[0] > 1e-3 and abs(float(slope[1])) < 1e-12 and slope[2] < -1e-4
    assert turning_point(nn.LocalResponseNorm(5, beta=0.5)) == math.inf
    assert turning_point(nn.LocalResponseNorm(5, alpha=0.0)) == math.inf  # divides by a constant


def test_two_inputs_have_one_answer_and_the_iteration_finds_the_smaller():
    big = torch.zeros(1, 8, 1, 1, dtype=torch.float64)
    big[0, 4] = 1000.0
    y = LAYER(big)
    small = fixed_point_inverse(y, LAYER, steps=500)
    assert torch.allclose(LAYER(small), y, rtol=1e-6)
    assert float(small.max()) < turning_point(LAYER) < 1000


def test_the_best_scale_is_that_of_least_squares():
    draw = torch.Generator().manual_seed(0)
    y, u = (torch.rand(1, 4, 5, 5, generator=draw, dtype=torch.float64) for _ in range(2))
    wanted = torch.linalg.lstsq(y.flatten()[:, None], u.flatten()[:, None]).solution
    assert best_scale(y, u) == pytest.approx(float(wanted))
    with pytest.raises(ValueError, match="one shape"):
        best_scale(y, u[:, :1])
    with pytest.raises(ValueError, match="LocalResponseNorm"):
        turning_point(nn.ReLU())
