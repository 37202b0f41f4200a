"""Non-negative weights against an enumeration of every active set, and against the conditions of a minimum."""

from itertools import product

import pytest
import torch

from deeprestore_lab.training.score_matching import best_weights, explicit_loss, nonnegative_weights


def problem(count: int, rank: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    root = torch.randn(count, rank, generator=draw, dtype=torch.float64)
    return root @ root.mT, root @ torch.randn(rank, generator=draw, dtype=torch.float64)  # bounded below


def value(m: torch.Tensor, b: torch.Tensor, a: torch.Tensor) -> float:
    return float(a @ m @ a / 2 - b @ a)


def by_enumeration(m: torch.Tensor, b: torch.Tensor) -> float:
    """The lowest value over every choice of the entries that are not zero."""
    lowest = 0.0
    for kept in product((False, True), repeat=len(b)):
        own = torch.tensor(kept)
        if own.any():
            a = torch.zeros_like(b)
            a[own] = torch.linalg.lstsq(m[own][:, own], b[own][:, None], driver="gelsd").solution[:, 0]
            if (a >= -1e-12).all():
                lowest = min(lowest, value(m, b, a))
    return lowest


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rank", [6, 3])  # a definite matrix, and one with a null space
def test_the_minimum(rank: int, seed: int) -> None:
    m, b = problem(6, rank, seed)
    found = nonnegative_weights(m, b)
    assert (found.weights >= 0).all() and found.violation < 1e-9
    assert value(m, b, found.weights) == pytest.approx(by_enumeration(m, b), abs=1e-9)


def test_the_conditions_tell_a_wrong_answer() -> None:
    """What clipping the free minimum gives is not the minimum, and the conditions say so."""
    for seed in range(8):
        m, b = problem(6, 6, seed)
        free = torch.linalg.solve(m, b)
        if (free < -0.1).any():
            clipped = free.clamp_min(0)
            slopes = m @ clipped - b
            assert torch.minimum(clipped, slopes).abs().max() > 1e-3
            assert value(m, b, clipped) > value(m, b, nonnegative_weights(m, b).weights)
            return
    raise AssertionError("no example has a negative free weight")


def test_weights_of_experts() -> None:
    """No small change that keeps the weights at least 0 lowers the loss; a filter that only harms gets no weight."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(500, 4, generator=draw, dtype=torch.float64).sign() + 0.1 * torch.randn(500, 4, generator=draw)
    filters = torch.cat(
        [torch.eye(4), torch.nn.functional.normalize(torch.randn(6, 4, generator=draw), dim=1)]
    ).double()
    found = best_weights(3 * filters, x)
    assert found.violation < 1e-9 and (found.weights == 0).any()
    least = float(explicit_loss(3 * filters, found.weights, x))
    for k in range(10):
        for change in (1e-3, -1e-3):
            moved = found.weights.clone()
            moved[k] = (moved[k] + change).clamp_min(0)
            assert float(explicit_loss(3 * filters, moved, x)) >= least


def test_what_is_no_problem() -> None:
    with pytest.raises(ValueError, match="finite"):
        nonnegative_weights(torch.eye(2), torch.ones(3))
    with pytest.raises(ValueError, match="finite"):
        nonnegative_weights(torch.eye(2) * torch.nan, torch.ones(2))
