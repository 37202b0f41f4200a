"""Jacobian measures against matrices that are known, and against autograd's whole Jacobian."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deeprestore_lab.networks import jacobian_measures

X = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_matrix_is_measured_to_the_accuracy_of_its_probes():
    matrix = torch.randn(16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64) / 4
    found = jacobian_measures(lambda x: (x.flatten(1) @ matrix.T).reshape(x.shape), X, probes=4000)
    for image in range(2):
        assert found.gain[image].item() == pytest.approx(matrix.square().sum().item() / 16, rel=0.05)
        assert found.trace[image].item() == pytest.approx(matrix.trace().item() / 16, abs=0.03)
        expected = (matrix - torch.eye(16)).square().sum().item() / 16
        assert found.deviation[image].item() == pytest.approx(expected, rel=0.05)


def test_the_three_numbers_agree_with_autograd_for_a_network_with_kinks():
    torch.manual_seed(2)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1)).double()
    whole = torch.autograd.functional.jacobian(net, X[:1]).reshape(16, 16)
    found = jacobian_measures(net, X[:1], probes=4000)
    assert found.gain.item() == pytest.approx(whole.square().sum().item() / 16, rel=0.06)
    assert found.trace.item() == pytest.approx(whole.trace().item() / 16, abs=0.03)


def test_deviation_is_gain_less_two_traces_plus_the_energy_of_the_probes():
    found = jacobian_measures(lambda x: x.roll(1, 3), X, probes=2000)
    torch.testing.assert_close(found.gain, torch.ones(2, dtype=torch.float64), rtol=0.05, atol=0)
    assert found.trace.abs().max() < 0.02  # a shift leaves no pixel in its place
    torch.testing.assert_close(found.deviation, torch.full((2,), 2.0, dtype=torch.float64), rtol=0.05, atol=0)


def test_the_identity_has_no_deviation_at_all():
    found = jacobian_measures(lambda x: 1 * x, X, probes=1)
    assert found.deviation.max() == 0
    torch.testing.assert_close(found.gain, found.trace)


def test_images_are_measured_by_themselves():
    net = lambda x: x.square()  # noqa: E731
    torch.testing.assert_close(jacobian_measures(net, X).gain[:1], jacobian_measures(net, X[:1]).gain)


def test_a_function_that_changes_the_shape_is_refused():
    with pytest.raises(ValueError, match="must keep the shape"):
        jacobian_measures(lambda x: x[..., :2], X)
