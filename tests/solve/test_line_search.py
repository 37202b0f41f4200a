"""The line search on steps whose outcome is known beforehand."""

import torch

from deeprestore_lab.solve.line_search import Trial, strong_wolfe


def trial(t: torch.Tensor, energy: float, slope: float) -> Trial:
    """At the step `t` of one image: this energy, this slope, and a decrease of t promised."""
    one, row = torch.ones_like(t), torch.zeros(1, 1)
    return Trial(t, energy * one, slope * one, -t, row, row, {})


def search(energy: float, slope: float) -> tuple[float, bool]:
    """The step taken from an energy of a million that falls by 1 a step, if all trials look like that."""
    start = trial(torch.zeros(1), 1e6, -1.0)
    first, active = torch.full((1,), 1e-3), torch.tensor([True])
    best, moved = strong_wolfe(lambda t: trial(t, energy, slope), start, first, active)
    return float(best.t), bool(moved)


def test_a_step_within_rounding_counts_while_the_slope_is_no_steeper_upwards():
    """In float32 a million has digits of 1/16: a decrease of a thousandth cannot be seen, the slope can."""
    above = float(torch.nextafter(torch.tensor(1e6), torch.tensor(2e6)))
    assert search(above, slope=0.5) == (float(torch.tensor(1e-3)), True)
    assert search(above, slope=0.99985)[1] is False  # more than 1 - 2e-4 of the slope at the start, upwards
    assert search(1e6 + 10, slope=0.5)[1] is False  # not within rounding
