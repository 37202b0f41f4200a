"""Schedules against their formulas and what they promise."""

from __future__ import annotations

import pytest

from deeprestore_lab.training.schedules import inverse_time, stairs


def test_inverse_time_is_half_after_half():
    rate = inverse_time(0.4, half=50)
    assert rate(0) == 0.4 and rate(50) == pytest.approx(0.2) and rate(150) == pytest.approx(0.1)


def test_stairs_have_equal_parts():
    rates = [stairs(1.0, 10, count=2, factor=0.5)(step) for step in range(12)]
    assert rates == [1.0] * 5 + [0.5] * 7  # what comes after the end stays on the last


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="half must be a finite number above 0"):
        inverse_time(0.1, half=0)
    with pytest.raises(ValueError, match="factor must be a share between 0 and 1"):
        stairs(0.1, 10, factor=1.0)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 3"):
        stairs(0.1, 2)
