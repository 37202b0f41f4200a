"""Derivatives of Gaussians: finite differences, turns and steering."""

import math

import pytest
import torch

from deeprestore_lab.signal import filters
from refusals import refused

WIDE = torch.float64


def test_oriented_derivatives_turn():
    bank = filters.oriented_derivatives(4, sigma=1.3, elongation=1.5, size=11, dtype=WIDE)
    torch.testing.assert_close(bank[2], torch.rot90(bank[0]), atol=1e-12, rtol=0)  # 90 degrees, counter-clockwise
    torch.testing.assert_close(bank[3], torch.rot90(bank[1]), atol=1e-12, rtol=0)
    assert float(bank.sum((1, 2)).abs().max()) < 1e-12


def test_an_oriented_derivative_answers_to_its_own_edge_most():
    bank = filters.oriented_derivatives(6, size=9, dtype=WIDE)
    u, _ = filters.derivatives.rotated_grid(4, math.pi / 6 * 2)  # an edge whose normal is filter 2's direction
    answers = (bank * torch.tanh(u)).sum((1, 2)).abs()
    assert int(answers.argmax()) == 2


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_directional_derivative_is_a_finite_difference_of_the_one_below(order):
    """d/du of the derivative of order - 1, on a fine grid: sigma is large, so that pixels are small."""
    sigma, angle = 20.0, 0.0
    below = filters.directional_derivative(order - 1, angle, sigma=sigma)
    slope = sigma * (below[:, 2:] - below[:, :-2]) / 2
    exact = filters.directional_derivative(order, angle, sigma=sigma)[:, 1:-1]
    torch.testing.assert_close(slope, exact, atol=4e-3 * float(exact.abs().max()), rtol=0)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("angle", [0.0, 17.0, 90.0, 200.0])
def test_every_direction_is_a_sum_of_the_steerable_filters(order, angle):
    bank = filters.steerable_filters(order, sigma=1.5, dtype=WIDE)
    scale = filters.directional_derivative(order, 0.0, sigma=1.5).norm()
    expected = filters.directional_derivative(order, angle, sigma=1.5) / scale
    weights = filters.steering_weights(order, angle)
    torch.testing.assert_close(torch.einsum("k,khw->hw", weights, bank), expected, atol=1e-12, rtol=0)
    wrong = filters.steering_weights(order, angle + 20)
    assert (torch.einsum("k,khw->hw", wrong, bank) - expected).norm() > 0.1


test_bad_arguments_are_refused = refused(
    (lambda: filters.oriented_derivatives(0), "orientations must be"),
    (lambda: filters.oriented_derivatives(size=4), "size must be odd"),
    (lambda: filters.oriented_derivatives(sigma=0.0), "sigma must be"),
    (lambda: filters.steerable_filters(0), "order must be"),
)
