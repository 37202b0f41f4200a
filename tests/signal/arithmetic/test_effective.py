"""Effective receptive fields: probes against the exact Jacobian, and windows against places by themselves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deeprestore_lab.signal.arithmetic import conv
from deeprestore_lab.signal.arithmetic.effective import effective_field, gradient_energy
from deeprestore_lab.signal.arithmetic.receptive_field import receptive_field
from deeprestore_lab.signal.arithmetic.tracing import trace_layers


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 5, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(5, 4, (3, 2), padding=(1, 0)))
    return nn.Sequential(*layers).double().requires_grad_(False)


def image(*shape: int) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_jacobian(net: nn.Module, x: torch.Tensor, position: tuple[int, int]) -> torch.Tensor:
    jacobian = torch.autograd.functional.jacobian(lambda v: net(v)[0, :, position[0], position[1]], x)
    return jacobian.square().sum((0, 1, 2))


def test_every_channel_gives_the_exact_jacobian():
    x, net = image(1, 2, 10, 12), network()
    exact = gradient_energy(net, x, (2, 3), probes=None)
    torch.testing.assert_close(exact[0], by_jacobian(net, x, (2, 3)))


def test_random_signs_have_it_as_their_mean():
    """The variance of one probe is at most twice the squared mean, as for a chi-squared number of freedom 1."""
    x, net = image(1, 2, 10, 12), network()
    exact = gradient_energy(net, x, (2, 3), probes=None)
    error = (gradient_energy(net, x, (2, 3), probes=400, seed=1) - exact).abs()
    assert (error <= 5 * (2 / 400) ** 0.5 * exact).all()


def test_an_image_alone_gives_the_same_as_in_a_batch():
    x, net = image(3, 2, 10, 12), network()
    both = gradient_energy(net, x, (1, 1), probes=3, seed=4)
    torch.testing.assert_close(both[1:2], gradient_energy(net, x[1:2], (1, 1), probes=3, seed=4))


def test_positions_may_count_from_the_end_and_must_exist():
    x, net = image(1, 2, 10, 12), network()
    height, width = net(x).shape[2:]
    torch.testing.assert_close(gradient_energy(net, x, (-1, -1)), gradient_energy(net, x, (height - 1, width - 1)))
    with pytest.raises(ValueError, match="outside of an output"):
        gradient_energy(net, x, (height, 0))
    with pytest.raises(ValueError, match="position must be a pair"):
        gradient_energy(net, x, (0,))


def test_windows_are_the_mean_over_places():
    """A linear network has one Jacobian at all inner places: the window is the exact energy, up to the probes."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 1, 3, stride=2, padding=1)).double()
    net.requires_grad_(False)
    field = receptive_field(trace_layers(net, torch.zeros(1, 2, 24, 30)))
    window = effective_field(net, image(2, 2, 24, 30), field, probes=3)
    (top, bottom), (left, right) = field.bounds((5, 6))
    exact = by_jacobian(net, image(1, 2, 24, 30), (5, 6))[top : bottom + 1, left : right + 1]
    torch.testing.assert_close(window, exact)  # one channel: the square of a sign is 1


def test_a_network_that_is_not_linear_is_averaged_over_places():
    x, net = image(1, 2, 12, 9), network()
    field = receptive_field(trace_layers(net, x.float()))
    inner = [(2, 1), (2, 2), (3, 1), (3, 2)]  # all whose field lies inside
    exact = torch.zeros(field.size, dtype=torch.float64)
    for place in inner:
        (top, bottom), (left, right) = field.bounds(place)
        assert min(top, left) >= 0 and bottom < 12 and right < 9
        exact += by_jacobian(net, x, place)[top : bottom + 1, left : right + 1] / 4
    window = effective_field(net, x, field, probes=300, seed=2)
    assert float((window - exact).norm() / exact.norm()) < 0.2


def test_an_image_smaller_than_the_field_is_refused():
    net = nn.Conv2d(1, 1, 7, padding=3)
    with pytest.raises(ValueError, match="use a larger image"):
        effective_field(net, torch.zeros(1, 1, 6, 6), receptive_field([conv(1, 1, kernel=7, padding=3)]))


def test_fields_that_are_not_alike_are_refused():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.ConvTranspose2d(1, 1, 3, stride=2))
    field = receptive_field(trace_layers(net, torch.zeros(1, 1, 15, 15)))
    with pytest.raises(ValueError, match="not alike"):
        effective_field(net, torch.zeros(1, 1, 15, 15), field)
