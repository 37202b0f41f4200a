"""Winding numbers against the zeros of the polynomial, and the condition of a zero-padded filter in exact numbers."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deeprestore_lab.operators.linear_inverse import winding_number


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_it_counts_the_zeros_inside_the_circle_less_the_centre(taps, centre):
    assume(abs(taps[-1]) > 0.1 and centre < len(taps))
    zeros = np.roots(taps[::-1])
    assume(len(zeros) == len(taps) - 1 and (np.abs(np.abs(zeros) - 1) > 0.05).all())
    found = winding_number(torch.tensor(taps, dtype=torch.float64), centre=centre)
    assert found == int((np.abs(zeros) < 1).sum()) - centre


def test_a_symbol_that_vanishes_has_none():
    with pytest.raises(ValueError, match="zero"):
        winding_number(torch.tensor([1.0, 2.0, 1.0]))
    with pytest.raises(ValueError, match="taps"):
        winding_number(torch.ones(2, 2))


def test_a_symbol_that_winds_has_a_condition_that_grows_without_end():
    """What double precision says, 4e16 or so, is where its digits end; exact arithmetic goes on as 5^n / n."""
    mpmath.mp.dps = 50
    conditions = {}
    for n in (16, 24, 32):
        matrix = mpmath.matrix(n, n)
        for i in range(n):
            for offset, tap in ((-1, "2.5"), (0, "1"), (1, "0.1")):
                if 0 <= i + offset < n:
                    matrix[i, i + offset] = mpmath.mpf(tap)
        values = mpmath.svd_r(matrix, compute_uv=False)
        conditions[n] = float(values[0] / values[n - 1])
    assert conditions[16] == pytest.approx(1.5117e10, rel=1e-3)
    assert conditions[32] == pytest.approx(1.1927e21, rel=1e-3)
    assert np.log(conditions[32] / conditions[16]) / 16 == pytest.approx(np.log(5), abs=0.06)
    assert winding_number(torch.tensor([2.5, 1.0, 0.1])) == -1
