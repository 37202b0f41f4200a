"""Hyvärinen's loss against the Gaussian's closed form and the Fisher divergence that it stands for."""

import pytest
import torch

from deeprestore_lab.training.score_matching import hyvarinen_loss


def test_gaussian_in_closed_form() -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=draw, dtype=torch.float64)
    root = torch.randn(3, 3, generator=draw, dtype=torch.float64)
    precision = root @ root.mT
    found = hyvarinen_loss(lambda x: (x @ precision * x).sum(1) / 2, x)
    expected = (x @ precision).square().sum(1).mean() / 2 - precision.trace()
    torch.testing.assert_close(found.detach(), expected, rtol=1e-12, atol=1e-12)


def test_differences_are_those_of_the_fisher_divergence() -> None:
    """On a fine grid of a density the sum over the grid is the integral: J - J* = 1/2 E (score - true score)^2."""
    x = torch.linspace(-12, 12, 241, dtype=torch.float64)[:, None]
    density = torch.exp(-x.square().sum(1) / 2)
    density = density / density.sum()

    def expected(energy) -> torch.Tensor:
        return torch.stack([hyvarinen_loss(energy, point[None]).detach() for point in x]) @ density

    wrong = expected(lambda x: (1 + x.square()).log().sum(1))
    best = expected(lambda x: x.square().sum(1) / 2)
    divergence = (2 * x / (1 + x.square()) - x).square().sum(1) @ density / 2
    torch.testing.assert_close(wrong - best, divergence, rtol=1e-6, atol=0)


def test_it_can_be_differentiated() -> None:
    """d/da of J of a |x|^2 / 2 is a |x|^2 - D."""
    x, a = torch.randn(7, 2, dtype=torch.float64), torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(hyvarinen_loss(lambda x: a * x.square().sum(1) / 2, x), a)
    torch.testing.assert_close(slope, 3 * x.square().sum(1).mean() - 2)


def test_one_value_per_sample() -> None:
    with pytest.raises(ValueError, match="one value per sample"):
        hyvarinen_loss(lambda x: x.sum(), torch.zeros(3, 2))
