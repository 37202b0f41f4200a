"""Winding numbers against the zeros of the polynomial, and the condition of a zero-padded filter in exact numbers."""

from __future__ import annotations

from fractions import Fraction

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


def inverse(taps: list[Fraction], n: int) -> list[list[Fraction]]:
    """The inverse of the zero-padded filter, in fractions, by elimination with the largest pivot."""
    rows = [
        [taps[j - i + 1] if abs(j - i) <= 1 else Fraction(0) for j in range(n)] + [Fraction(i == j) for j in range(n)]
        for i in range(n)
    ]
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        pivot = rows[k][k]
        rows[k] = [entry / pivot for entry in rows[k]]
        for i in range(n):
            if i != k and (factor := rows[i][k]):
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def test_a_symbol_that_winds_has_a_condition_that_grows_without_end():
    """What double precision says, 4e16 or so, is where its digits end; exact arithmetic goes on as 5^n / n."""
    conditions = {}
    for n in (16, 24, 32):
        exact = inverse([Fraction(5, 2), Fraction(1), Fraction(1, 10)], n)
        length = float(sum(entry**2 for row in exact for entry in row)) ** 0.5  # one singular value is nearly all of it
        conditions[n] = 3.6 * length  # the norm of the filter, up to its border
    assert conditions[16] == pytest.approx(1.51e10, rel=0.03)
    assert conditions[32] == pytest.approx(1.19e21, rel=0.03)
    assert np.log(conditions[32] / conditions[16]) / 16 == pytest.approx(np.log(5), abs=0.06)
    assert winding_number(torch.tensor([2.5, 1.0, 0.1])) == -1
