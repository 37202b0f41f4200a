"""The loss that is written out, its quadratic form and its gradient, against autograd's trace of the Hessian."""

import pytest
import torch

from deeprestore_lab.priors.experts import EXPERTS, Expert
from deeprestore_lab.training.score_matching import (
    explicit_loss,
    hyvarinen_loss,
    loss_and_gradient,
    quadratic_in_weights,
)
from deeprestore_lab.training.score_matching.gradient import three_derivatives

OWN = Expert(
    name="own",
    potential=lambda s: (1 + s.square()).sqrt() - 1,
    derivative=lambda s: s / (1 + s.square()).sqrt(),
    curvature=lambda s: (1 + s.square()) ** -1.5,
    smallest=0.0,
    largest=1.0,
)
EVERY = pytest.mark.parametrize("one", [*EXPERTS.values(), OWN], ids=[*EXPERTS, "own"])
SHAPES = pytest.mark.parametrize("count", [2, 5, 9])  # fewer filters than entries, as many, more


def example(count: int, dims: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(count)
    filters = torch.randn(count, dims, generator=draw, dtype=torch.float64)
    weights = torch.rand(count, generator=draw, dtype=torch.float64)
    return filters, weights, 2 * torch.randn(11, dims, generator=draw, dtype=torch.float64)


@EVERY
@SHAPES
def test_equal_to_autograds_trace(one: Expert, count: int) -> None:
    filters, weights, x = example(count)
    expected = hyvarinen_loss(lambda x: one.potential(x @ filters.mT) @ weights, x).detach()
    torch.testing.assert_close(explicit_loss(filters, weights, x, expert=one), expected, rtol=1e-12, atol=1e-12)


@EVERY
@SHAPES
def test_quadratic_in_the_weights(one: Expert, count: int) -> None:
    filters, weights, x = example(count)
    m, b = quadratic_in_weights(filters, x, expert=one)
    for a in (weights, 3 * weights.flip(0), -weights):
        expected = explicit_loss(filters, a, x, expert=one)
        torch.testing.assert_close(a @ m @ a / 2 - b @ a, expected, rtol=1e-12, atol=1e-12)
    assert torch.linalg.eigvalsh(m)[0] > -1e-12


@EVERY
@SHAPES
def test_gradient_written_out(one: Expert, count: int) -> None:
    filters, weights, x = example(count)
    asked = filters.clone().requires_grad_()
    loss = explicit_loss(asked, weights, x, expert=one)
    (expected,) = torch.autograd.grad(loss, asked)
    value, slope = loss_and_gradient(filters, weights, x, one)
    torch.testing.assert_close(value, loss.detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(slope, expected, rtol=1e-11, atol=1e-11)


@EVERY
def test_three_derivatives(one: Expert) -> None:
    s = torch.linspace(-9, 9, 181, dtype=torch.float64)
    first, second, third = three_derivatives(s, one)
    torch.testing.assert_close(first, one.derivative(s), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(second, one.curvature(s), rtol=1e-12, atol=1e-12)
    step = 1e-5
    numeric = (one.curvature(s + step) - one.curvature(s - step)) / (2 * step)
    torch.testing.assert_close(third, numeric, rtol=1e-7, atol=1e-9)


def test_without_the_norm_the_loss_has_no_minimum() -> None:
    """One filter at a right angle to one of the samples: J falls like minus its squared norm, without end."""
    _, _, x = example(1)
    x = x[:4]
    direction = torch.linalg.svd(x[:1]).Vh[-1:]  # orthogonal to the first sample
    losses = [float(explicit_loss(scale * direction, torch.ones(1).double(), x)) for scale in (1e2, 1e3, 1e4)]
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] / losses[1] == pytest.approx(100, rel=0.1)  # a tenfold norm
    assert losses[2] == pytest.approx(-1e8 / 4, rel=0.1)  # one sample of four


def test_shapes_are_named() -> None:
    with pytest.raises(ValueError, match="agree in D"):
        explicit_loss(torch.ones(2, 3), torch.ones(2), torch.ones(4, 5))
    with pytest.raises(ValueError, match="one for each filter"):
        explicit_loss(torch.ones(2, 3), torch.ones(3), torch.ones(4, 3))
    with pytest.raises(ValueError, match="one sample a row"):
        quadratic_in_weights(torch.ones(2, 3), torch.ones(3))
