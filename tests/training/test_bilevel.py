"""The gradient through a minimiser against finite differences and against an unrolled solver."""

from __future__ import annotations

import pytest
import torch
from small_ridges import picture, regulariser

from deeprestore_lab.priors import RidgeRegulariser
from deeprestore_lab.priors.ridge_prox import ridge_minimum
from deeprestore_lab.training.bilevel import through_minimiser
from refusals import refused

FULL = 0.3  # of what convexity allows


def problem():
    r, y, x = regulariser(count=2), picture(2, seed=1)[..., :4, :4], picture(2, seed=2)[..., :4, :4]
    return r.filters, FULL / r.weak_convexity * r.weights, y, x


def loss_of(filters, weights, y, x, *, follow: bool):
    r = RidgeRegulariser(filters, weights)
    found = ridge_minimum(r.detached(), y, tolerance=1e-12, steps=1000).x
    if follow:
        found = through_minimiser(lambda at: at - y + r.gradient(at), found, tolerance=1e-12)
    return (found - x).square().sum()


def test_it_is_the_derivative_by_finite_differences():
    filters, weights, y, x = problem()
    followed = filters.clone().requires_grad_(), weights.clone().requires_grad_()
    loss_of(*followed, y, x, follow=True).backward()
    generator = torch.Generator().manual_seed(3)
    for index in (0, 1):
        along = torch.randn(followed[index].shape, generator=generator, dtype=torch.float64)

        def at(h: float, index=index, along=along) -> float:
            moved = [filters, weights]
            moved[index] = moved[index] + h * along
            return float(loss_of(*moved, y, x, follow=False))

        expected = (at(1e-5) - at(-1e-5)) / 2e-5
        assert float((followed[index].grad * along).sum()) == pytest.approx(expected, rel=1e-6)


def test_it_is_what_backpropagation_through_enough_steps_gives():
    filters, weights, y, x = problem()
    unrolled, implicit = (weights.clone().requires_grad_() for _ in range(2))
    r = RidgeRegulariser(filters, unrolled)
    step, at = 1 / (1 + r.detached().largest_curvature), ridge_minimum(r.detached(), y, tolerance=1e-12, steps=1000).x
    for _ in range(60):  # from the minimum they only carry its derivative, and that converges too
        at = at - step * (at - y + r.gradient(at))
    (at - x).square().sum().backward()
    loss_of(filters, implicit, y, x, follow=True).backward()
    torch.testing.assert_close(implicit.grad, unrolled.grad, rtol=1e-4, atol=1e-6)


def test_few_steps_give_the_gradient_of_another_problem():
    """Three steps from y: the unrolled gradient asks for a stronger prior where the true one asks for a weaker one."""
    y, x = torch.ones(1, 1), torch.full((1, 1), 0.4)  # x* = y / (1 + theta): theta = 1.5 is right

    def derivative(steps: int | None, theta: float) -> float:
        at, theta = y, torch.tensor(theta, requires_grad=True)
        for _ in range(steps or 0):
            at = at - 0.1 * (at - y + theta * at)
        if steps is None:
            found = y / (1 + theta.detach())
            at = through_minimiser(lambda at: at - y + theta * at, found)
        ((at - x) ** 2).sum().backward()
        return float(theta.grad)

    assert derivative(None, 1.5) == pytest.approx(0.0, abs=1e-6) and derivative(None, 2.0) > 0
    assert derivative(3, 2.0) < 0  # still pushes up, past what is right


def test_a_solve_of_one_s_own_takes_the_place_of_conjugate_gradients():
    theta = torch.tensor(3.0, requires_grad=True)
    x = through_minimiser(lambda x: theta * x - 1, torch.full((2, 1), 1 / 3), solve=lambda b: b / 3)
    x.sum().backward()
    assert float(theta.grad) == pytest.approx(-2 / 9, rel=1e-6)


test_what_cannot_be_followed_is_refused = refused(
    (lambda x: x, torch.ones(1, 1, requires_grad=True), "without a graph"),
    (lambda x: x, torch.ones(1, 1), "autograd can follow"),
    (lambda x: torch.ones(2, requires_grad=True) * x[0, 0], torch.ones(1, 1), "of the shape of x"),
    by=through_minimiser,
)
