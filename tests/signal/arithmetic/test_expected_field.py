"""Expected fields: the formula against many random networks, and against the binomial distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from deeprestore_lab.signal.arithmetic import conv, transposed
from deeprestore_lab.signal.arithmetic.effective import effective_field
from deeprestore_lab.signal.arithmetic.expected_field import expected_profiles, expected_spread
from deeprestore_lab.signal.arithmetic.receptive_field import receptive_field
from deeprestore_lab.signal.arithmetic.tracing import trace_layers


def random_network() -> nn.Sequential:
    """Strides, dilation, a maximum and a mean, unlike in the two directions."""
    return nn.Sequential(
        nn.Conv2d(1, 12, (3, 5), stride=2, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 12, 3, dilation=(1, 2), bias=False),
        nn.AvgPool2d((2, 1)),
        nn.Conv2d(12, 12, (2, 3), bias=False),
    ).requires_grad_(False)


def test_the_mean_over_random_networks():
    """60 networks; the tolerance is five standard errors of each profile's largest share."""
    layers = trace_layers(random_network(), torch.zeros(1, 1, 48, 64))
    expected = expected_profiles(layers)
    found = []
    for seed in range(60):
        torch.manual_seed(seed)
        net = random_network()
        for module in net:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        window = effective_field(net, torch.randn(1, 1, 48, 64), receptive_field(layers), probes=4, seed=seed)
        found.append(window.double() / window.sum())
    stack = torch.stack(found)
    for axis, profile in enumerate(expected):
        shares = stack.sum(2 - axis).numpy()
        error = np.abs(shares.mean(0) - profile)
        assert (error <= 5 * shares.std(0).max() / math.sqrt(60)).all()


@pytest.mark.parametrize("depth", [1, 4, 11])
def test_kernels_of_two_give_the_binomial_distribution(depth):
    rows, columns = expected_profiles([conv(1, 1, kernel=(2, 1))] * depth)
    np.testing.assert_allclose(rows, [math.comb(depth, k) / 2**depth for k in range(depth + 1)])
    np.testing.assert_allclose(columns, [1])


def test_the_spread_is_that_of_the_profile():
    layers = [conv(1, 1, kernel=(3, 2), stride=(2, 3)), conv(1, 1, kernel=5, dilation=(3, 1)), conv(1, 1, kernel=4)]
    for profile, spread, size in zip(
        expected_profiles(layers), expected_spread(layers), receptive_field(layers).size, strict=True
    ):
        places = np.arange(len(profile))
        assert len(profile) == size
        assert profile.sum() == pytest.approx(1)
        mean = (profile * places).sum()
        assert spread == pytest.approx(((profile * (places - mean) ** 2).sum()) ** 0.5)


def test_transposed_convolutions_are_refused():
    with pytest.raises(ValueError, match="'up'"):
        expected_spread([transposed(1, 1, kernel=4, stride=2, padding=1, name="up")])
