"""Dequantised images against sums over cells."""

from __future__ import annotations

import math

import pytest
import torch

from deeprestore_lab.generators import bits_per_dimension, dequantised


def test_noise_stays_within_the_cell_of_its_level():
    generator = torch.Generator().manual_seed(0)
    k = torch.randint(256, (4, 1, 8, 8), generator=generator)
    spread = dequantised(k / 255, torch.rand(k.shape, generator=generator))
    assert torch.equal((spread * 256).floor().long(), k)
    full = dequantised(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    assert float(full) < 1


def test_the_bits_of_a_density_constant_on_its_cells_are_those_of_the_whole_numbers():
    """With p constant on cells the bound is an equality: -log2 P(k) of a law of 4 levels, mean over two pixels."""
    probability = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64)
    k = torch.tensor([[0, 1], [3, 3], [2, 0]])
    log_density = (probability * 4).log()[k].sum(1)  # a cell has the length 1/4
    expected = torch.tensor([(1 + 2) / 2, 3.0, (3 + 1) / 2], dtype=torch.float64)
    torch.testing.assert_close(bits_per_dimension(log_density, 2, levels=4), expected)


def test_the_bound_holds_for_a_density_that_varies_in_its_cells():
    """p(x) = 2 x on [0, 1] with 4 levels: P(k) in closed form, the bits by a fine mean over each cell."""
    for k in range(4):
        x = (k + (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000) / 4
        bits = float(bits_per_dimension((2 * x).log(), 1, levels=4).mean())
        exact = -math.log2(((k + 1) ** 2 - k**2) / 16)
        assert exact <= bits < exact + 0.5


@pytest.mark.parametrize(
    ("x", "noise", "message"),
    [
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3), "shape of x"),
        (torch.full((1, 1, 1, 1), 1.2), torch.zeros(1, 1, 1, 1), r"x must lie in \[0, 1\]"),
        (torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), -0.1), "noise must lie"),
        (torch.zeros(3), torch.zeros(3), "x must be a float tensor of shape"),
    ],
)
def test_what_does_not_fit_is_named(x, noise, message):
    with pytest.raises(ValueError, match=message):
        dequantised(x, noise)
    with pytest.raises(ValueError, match="levels"):
        bits_per_dimension(torch.zeros(1), 4, levels=1)
