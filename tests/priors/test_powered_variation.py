"""Powered variation against its definition, its neighbours at both ends of beta, and a closed form."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import PoweredVariation, Tikhonov, TotalVariation
from deeprestore_lab.solve import minimise


@pytest.mark.parametrize("beta", [1.5, 2.0, 3.0])
def test_value_by_loops(beta):
    x = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    channel, joint = np.zeros(2), np.zeros(2)
    for n in range(2):
        for i in range(4):
            for j in range(5):
                here = x[n, :, i, j]
                down = x[n, :, i + 1, j] - here if i < 3 else torch.zeros(3)
                right = x[n, :, i, j + 1] - here if j < 4 else torch.zeros(3)
                squares = ((down**2 + right**2) / 0.3**2).numpy()
                channel[n] += np.sum(squares ** (beta / 2))
                joint[n] += np.sum(squares) ** (beta / 2)
    np.testing.assert_allclose(PoweredVariation(beta=beta, scale=0.3)(x), channel, rtol=1e-12)
    np.testing.assert_allclose(PoweredVariation(beta=beta, scale=0.3, colour="joint")(x), joint, rtol=1e-12)


@pytest.mark.parametrize("colour", ["channel", "joint"])
def test_power_two_is_twice_tikhonov(colour):
    x = torch.rand(2, 3, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(PoweredVariation(colour=colour)(x), 2 * Tikhonov("gradient")(x), rtol=1e-12, atol=0)
    assert PoweredVariation(beta=2.5).quadratic() is None


@pytest.mark.parametrize("colour", ["channel", "joint"])
def test_towards_power_one_it_is_total_variation(colour):
    x = torch.rand(2, 3, 6, 5, dtype=torch.float64)
    prior = PoweredVariation(beta=1 + 1e-9, colour=colour)
    torch.testing.assert_close(prior(x), TotalVariation(colour=colour)(x), rtol=1e-7, atol=0)


@pytest.mark.parametrize("beta", [1.2, 2.0, 3.0])
def test_gradient_by_differences(beta):
    x = torch.rand(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(PoweredVariation(beta=beta, scale=0.5).value, x)


@pytest.mark.parametrize("beta", [1.1, 1.5, 2.0, 3.0])
def test_the_gradient_of_a_flat_picture_is_zero(beta):
    x = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    PoweredVariation(beta=beta)(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_denoising_with_power_two_has_the_closed_form_of_tikhonov():
    y = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    data = GaussianLikelihood(Identity(), y, sigma=0.1)
    powered = minimise(data + 3.0 * PoweredVariation(scale=0.5), y)
    assert powered.solver == "closed_form"
    torch.testing.assert_close(powered.x, minimise(data + 24.0 * Tikhonov("gradient"), y).x)


@pytest.mark.parametrize("settings", [{"beta": 1.0}, {"beta": -2.0}, {"scale": 0.0}, {"colour": "grey"}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        PoweredVariation(**settings)
