"""Sparsity, ranks, squares of neighbours and separation, each with values known by hand."""

import pytest
import torch

from deeprestore_lab.measures.feature_statistics import (
    bootstrap_interval,
    effective_rank,
    energy_correlation,
    hoyer_sparsity,
    separation,
    zero_share,
)


def test_sparsity() -> None:
    f = torch.tensor([[1.0, 1, 1, 1], [0, 0, 3, 0], [0, 0, 2, 2]]).reshape(1, 3, 2, 2)
    assert torch.allclose(hoyer_sparsity(f)[0], torch.tensor([0, 1, 2 - 2**0.5]).double())
    assert torch.allclose(hoyer_sparsity(7 * f), hoyer_sparsity(f))
    assert zero_share(f) == pytest.approx(5 / 12)
    with pytest.raises(ValueError, match="one position"):
        hoyer_sparsity(torch.ones(1, 1, 1, 1))


def test_effective_rank() -> None:
    assert effective_rank(torch.ones(5)) == pytest.approx(5)
    assert effective_rank(torch.tensor([1.0, 0.0])) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 0"):
        effective_rank(torch.tensor([1.0, -0.5]))


def test_squares_of_gaussians_know_no_more_than_their_correlation() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b, scale = (torch.randn(1, 1, 300, 300, generator=draw) for _ in range(3))
    gaussian = torch.cat([a, 0.6 * a + 0.8 * b], 1)
    plain, squares = energy_correlation(gaussian)
    assert plain[0, 1] == pytest.approx(0.6, abs=0.01)
    assert squares[0, 1] == pytest.approx(0.36, abs=0.02)
    mixture = torch.cat([a, b], 1) * (0.5 * scale).exp()  # one scale for both: uncorrelated, not independent
    plain, squares = energy_correlation(mixture)
    assert abs(plain[0, 1]) < 0.02 and squares[0, 1] > 0.1


def test_separation_is_free_of_units() -> None:
    natural, other = torch.tensor([1.0, 4.0, 2.0]), torch.tensor([3.0, 4.0, 9.0])
    found = separation(natural, other)
    assert found.ratio == pytest.approx((3 * 1 * 4.5) ** (1 / 3))
    assert found.area == pytest.approx(7.5 / 9)
    for own, scaled in zip(found, separation(7 * natural, 7 * other), strict=True):
        assert own == pytest.approx(scaled)
    same = separation(natural, natural)
    assert (same.ratio, same.deviations, same.area) == (1, 0, 0.5)
    with pytest.raises(ValueError, match="above 0"):
        separation(natural, torch.tensor([1.0, 0.0, 1.0]))


def test_interval_leaves_the_same_on_both_sides() -> None:
    assert bootstrap_interval(torch.arange(101.0), level=0.9) == pytest.approx((5, 95))
    with pytest.raises(ValueError, match="finite"):
        bootstrap_interval(torch.tensor([1.0, float("nan")]))


def test_what_does_not_vary_is_refused() -> None:
    with pytest.raises(ValueError, match="all equal"):
        separation(torch.full((3,), 2.0), torch.tensor([1.0, 2.0, 3.0]))
    f = torch.randn(7, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    f[:, 1] = 0.1  # its mean is not 0.1 to the last digit
    with pytest.raises(ValueError, match="vary"):
        energy_correlation(f)
