"""Distances between unmixings: what they forgive, their largest value, and an assignment by enumeration."""

from itertools import permutations

import pytest
import torch

from deeprestore_lab.measures.sources import amari_distance, matched_cosines


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_order_sign_and_scale_are_forgiven() -> None:
    mixing = draw(0, 5, 5)
    exact = torch.linalg.inv(mixing)
    moved = torch.tensor([2.0, -1.0, 3.0, -0.1, 7.0]).double()[:, None] * exact[[3, 1, 4, 0, 2]]
    assert amari_distance(moved, mixing) == pytest.approx(0, abs=1e-12)
    assert matched_cosines(moved, exact).min() > 1 - 1e-12


def test_one_is_the_largest() -> None:
    assert amari_distance(torch.ones(4, 4), torch.eye(4)) == pytest.approx(1)
    assert all(0 < amari_distance(draw(seed, 4, 4), torch.eye(4)) < 1 for seed in range(20))


def test_by_hand_in_the_plane() -> None:
    """P = [[1, e], [0, 1]]: one row and one column have e more than their largest entry, over 2 n (n - 1) = 4."""
    assert amari_distance(torch.tensor([[1.0, 0.3], [0.0, 1.0]]), torch.eye(2)) == pytest.approx(0.6 / 4)


def test_assignment_is_the_best_of_all() -> None:
    rows, truth = draw(1, 5, 3), draw(2, 4, 3)
    unit = [m / m.norm(dim=1, keepdim=True) for m in (rows, truth)]
    cosines = (unit[1] @ unit[0].T).abs()
    best = max(sum(cosines[k, own] for k, own in enumerate(order)) for order in permutations(range(5), 4))
    assert float(matched_cosines(rows, truth).sum()) == pytest.approx(float(best))


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="must be"):
        amari_distance(torch.eye(3), torch.eye(4))
    with pytest.raises(ValueError, match="lost"):
        amari_distance(torch.zeros(3, 3), torch.eye(3))
    with pytest.raises(ValueError, match="L >= K"):
        matched_cosines(torch.eye(3)[:2], torch.eye(3))
