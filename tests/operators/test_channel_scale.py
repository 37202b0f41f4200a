"""Standardised channels: against NumPy, and what is no scale."""

import numpy as np
import pytest
import torch

from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.operators import ChannelScale
from deeprestore_lab.priors import Tikhonov

F = torch.randn(5, 4, 6, 7, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 9, 0.2, 3]).view(4, 1, 1)
F = F + torch.tensor([0.0, -3, 5, 1]).view(4, 1, 1)


def test_channels_are_those_of_numpy():
    rows = np.moveaxis(F.double().numpy(), 1, 0).reshape(4, -1)
    z = (rows - rows.mean(1, keepdims=True)) / rows.std(1, ddof=1, keepdims=True)
    found = np.moveaxis(ChannelScale.of(F)(F).numpy(), 1, 0).reshape(4, -1)
    np.testing.assert_allclose(found, z, atol=1e-5)


def test_the_scale_stays_that_of_the_set_it_was_made_of():
    scale = ChannelScale.of(F)
    assert torch.allclose(scale(3 * F) - scale(2 * F), scale(F) - scale(0 * F), atol=1e-5)  # affine


def test_channels_that_do_not_vary_are_left_out():
    still = F.clone()
    still[:, 2] = 5.0
    assert ChannelScale.of(still)(still).shape == (5, 3, 6, 7)
    assert torch.equal(ChannelScale.of(still)(still)[:, 2], ChannelScale.of(F)(F)[:, 3])


def test_a_prior_on_standardised_maps_is_a_product_of_three():
    scale, double = ChannelScale.of(F), lambda x: 2 * x
    assert torch.allclose((Tikhonov() @ scale @ double)(F), Tikhonov()(scale(2 * F)))
    error = RepresentationError(scale, scale(F), normaliser="none")(F + scale.deviation.view(-1, 1, 1))
    assert torch.allclose(error, torch.full((5,), 4.0 * 6 * 7))  # each value one deviation off


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChannelScale(torch.zeros(3), torch.ones(4)),
        lambda: ChannelScale(torch.zeros(3), torch.zeros(3)),
        lambda: ChannelScale(torch.tensor([0.0, float("nan")]), torch.ones(2)),
        lambda: ChannelScale.of(torch.ones(1, 3, 1, 1)),
        lambda: ChannelScale.of(F)(F[:, :3]),
    ],
)
def test_what_is_no_scale_is_refused(make):
    with pytest.raises(ValueError, match="mean|deviation|channels"):
        make()
