"""Denoising score matching against Tweedie's identity for laws whose noisy score is known."""

import pytest
import torch

from deeprestore_lab.training.score_matching import denoising_loss, hyvarinen_loss

SIGMA = 0.4


def mixture_score(y: torch.Tensor, sigma: float) -> torch.Tensor:
    """Of y = x + sigma n with x = -1 or 1, equally often: the posterior mean of x is tanh(y / sigma^2)."""
    return ((y / sigma**2).tanh() - y) / sigma**2


def signs(count: int) -> torch.Tensor:
    return torch.randint(2, (count, 1), generator=torch.Generator().manual_seed(2)).double() * 2 - 1


def test_the_best_score_is_that_of_the_noisy_density() -> None:
    x = signs(40_000)

    def loss(factor: float, sigma: float) -> float:
        return float(denoising_loss(lambda y: factor * mixture_score(y, sigma), x, sigma=SIGMA, seed=0))

    best = loss(1.0, SIGMA)
    assert all(loss(factor, SIGMA) > best for factor in (0.9, 1.1))
    assert all(loss(1.0, sigma) > best for sigma in (0.9 * SIGMA, 1.1 * SIGMA))


def test_it_is_hyvarinens_loss_of_the_noisy_data_and_a_constant() -> None:
    """Both losses of two different energies differ by the same amount, up to the error of a mean over samples."""
    x = signs(100_000)
    y = x + SIGMA * torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    energies = {
        "narrow": (lambda y: 4 * y.square().sum(1) / 2, lambda y: -4 * y),
        "tails": (lambda y: (1 + y.square()).log().sum(1), lambda y: -2 * y / (1 + y.square())),
    }
    noisy = {name: float(hyvarinen_loss(energy, y).detach()) for name, (energy, _) in energies.items()}
    pairs = {name: float(denoising_loss(score, x, sigma=SIGMA, seed=0)) for name, (_, score) in energies.items()}
    constant = 1 / (2 * SIGMA**2)  # half of E |n / sigma|^2
    for name in energies:
        assert pairs[name] - noisy[name] == pytest.approx(constant, abs=0.12)


def test_the_sum_over_entries_and_the_draw() -> None:
    x = torch.zeros(3, 1, 4, 4)
    loss = denoising_loss(lambda y: torch.zeros_like(y), x, sigma=0.5, seed=3)
    n = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(loss, 2 * n.square().sum() / 3)
    with pytest.raises(ValueError, match="keep the shape"):
        denoising_loss(lambda y: y.sum(1), x, sigma=0.5, seed=0)
    with pytest.raises(ValueError, match="sigma"):
        denoising_loss(lambda y: y, x, sigma=0.0, seed=0)
