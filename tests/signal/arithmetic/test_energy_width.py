"""The width of energies: against distributions whose spread is known, and squares that can be counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.signal.arithmetic.energy_width import central_square, spread


def test_spread_is_the_standard_deviation():
    """Of a discrete uniform distribution it is sqrt((n^2 - 1) / 12), wherever it stands and whatever its sum."""
    energy = torch.zeros(9, 20)
    energy[2:7, 3:15] = 5.0
    assert spread(energy) == pytest.approx((2**0.5, (143 / 12) ** 0.5))
    assert spread(torch.stack([energy, 3 * energy])) == pytest.approx((2**0.5, (143 / 12) ** 0.5))
    with pytest.raises(ValueError, match="no spread"):
        spread(torch.zeros(3, 3))


def test_the_central_square_holds_its_share():
    assert [central_square(torch.ones(9, 9), share=s) for s in (0.01, 9 / 81, 0.5, 0.9, 1)] == [1, 3, 7, 9, 9]
    assert [central_square(torch.ones(4, 4), share=s) for s in (0.2, 0.26)] == [2, 4]
    point = torch.zeros(7, 7)
    point[3, 3] = 1
    assert central_square(point) == 1
    with pytest.raises(ValueError, match="share"):
        central_square(point, share=0)


@pytest.mark.parametrize("energy", [torch.ones(3), np.ones((3, 3)), 1.0])
def test_an_energy_is_a_map(energy):
    for measure in (central_square, spread):
        with pytest.raises(ValueError, match="energy must be a tensor"):
            measure(energy)


def test_a_square_is_measured_on_one_map():
    with pytest.raises(ValueError, match=r"\(H, W\), got .* \(2, 3, 3\)"):
        central_square(torch.ones(2, 3, 3))
