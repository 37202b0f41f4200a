"""Intervals of draws: exact for any law, by the ranks alone."""

import pytest
import torch

from deeprestore_lab.measures.calibration import coverage, interval


@pytest.mark.parametrize(("count", "share"), [(19, 0.9), (39, 0.9), (9, 0.8)])
def test_a_value_of_the_same_law_lies_inside_as_often_as_promised(count, share):
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(count + 1, 40_000, generator=generator) ** 3  # any law
    assert float(coverage(values[1:], values[0], share=share).mean()) == pytest.approx(share, abs=0.006)


def test_too_narrow_draws_cover_less():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(40, 20_000, generator=generator)
    expected = 2 * torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(1.645 / 2)) - 1
    found = float(coverage(values[1:] / 2, values[0]).mean())
    assert found == pytest.approx(float(expected), abs=0.02)


def test_the_ends_are_draws():
    low, high = interval(torch.arange(39.0).flip(0)[:, None])
    assert (low.item(), high.item()) == (1.0, 37.0)


def test_counts_that_give_no_such_interval_are_refused():
    with pytest.raises(ValueError, match="give no interval"):
        interval(torch.rand(20, 3))
    with pytest.raises(ValueError, match="draws must be"):
        interval(torch.rand(19))
    with pytest.raises(ValueError, match="truth must have the shape"):
        coverage(torch.rand(19, 3), torch.rand(4))
