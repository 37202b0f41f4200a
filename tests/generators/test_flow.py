"""The flow's density: it sums to one, is a change of variables, and learns a law whose entropy is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from deeprestore_lab.generators import (
    Flow,
    LinearMixing,
    LogitMap,
    bits_per_dimension,
    image_flow,
    train,
    vector_flow,
)


def awake(flow: Flow, size: float = 0.3) -> Flow:
    generator = torch.Generator().manual_seed(1)
    flow = flow.double()
    for parameter in flow.parameters():
        parameter.data += size * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return flow


def integral(flow: Flow, reach: float, side: int = 600) -> float:
    """Midpoint rule over [-reach, reach]^2."""
    cell = 2 * reach / side
    axis = -reach + cell * (torch.arange(side, dtype=torch.float64) + 0.5)
    with torch.no_grad():
        return float(flow.log_density(torch.cartesian_prod(axis, axis)).exp().sum() * cell**2)


@pytest.mark.parametrize("activation", ["leaky_relu", "relu"])
def test_the_density_of_a_plane_sums_to_one(activation):
    flow = awake(vector_flow(2, depth=3, width=8, activation=activation))
    assert integral(flow, reach=25.0) == pytest.approx(1, abs=2e-3)


def test_with_leaky_relu_on_the_path_it_still_sums_to_one():
    layers = [LinearMixing(2), nn.LeakyReLU(0.4), LinearMixing(2, seed=1), nn.LeakyReLU(2.0), LinearMixing(2, seed=2)]
    assert integral(awake(Flow(layers, shape=(2,))), reach=25.0) == pytest.approx(1, abs=5e-3)


def test_a_density_on_the_square_sums_to_one_less_what_the_margin_cuts_off():
    flow = Flow([LogitMap(1e-6)], shape=(2,)).double()
    axis = (torch.arange(800, dtype=torch.float64) + 0.5) / 800
    total = flow.log_density(torch.cartesian_prod(axis, axis)).exp().mean()
    assert float(total) == pytest.approx(1, abs=1e-3)


def test_the_log_density_is_the_change_of_variables_by_autograd():
    flow = awake(image_flow((1, 4, 4), depth=2, width=4), size=0.2)
    x = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for one, value in zip(x, flow.log_density(x), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None]).z.flatten(), one).reshape(16, 16)
        normal = torch.distributions.Normal(torch.zeros(16, dtype=torch.float64), 1.0)
        expected = normal.log_prob(flow(one[None]).z.flatten()).sum() + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(value, expected, atol=1e-8, rtol=0)


@pytest.mark.parametrize(("shape", "levels"), [((1, 8, 8), 2), ((1, 8, 8), 1), ((3, 4, 8), 2)])
def test_images_come_back(shape, levels):
    flow = awake(image_flow(shape, levels=levels, depth=2, width=4), size=0.1)
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(flow.inverse(flow(x).z), x, atol=1e-9, rtol=0)
    assert flow.sample(3).shape == (3, *shape)


def test_after_the_first_batch_z_has_unit_moments():
    x = 3 + 2 * torch.randn(4000, 4, generator=torch.Generator().manual_seed(0))
    flow = vector_flow(4, depth=3).initialise(x)
    z = flow(x).z.detach()
    assert z.mean(0).abs().max() < 1e-4  # the last coupling is the identity; rotations keep mean 0
    assert float(z.var()) == pytest.approx(1, abs=0.02)


@pytest.mark.slow
def test_it_learns_a_bent_law_to_its_entropy():
    """x_1 normal, x_2 = x_1^2 + normal / 2: log-densities in closed form, and no linear map gets there."""

    def law(count: int, seed: int) -> torch.Tensor:
        e = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
        return torch.stack([e[:, 0], e[:, 0].square() + e[:, 1] / 2], dim=1)

    points, fresh = law(4000, 0), law(2000, 1)
    flow = vector_flow(2, depth=4, width=24).initialise(points)
    before = float(-flow.log_density(fresh).detach().mean())
    train(flow, points, steps=500, batch=128, lr=3e-3, progress=False)
    entropy = math.log(2 * math.pi * math.e) + math.log(0.5)
    after = float(-flow.log_density(fresh).detach().mean())
    residual = (fresh[:, 1] - fresh[:, 0].square()).square() / 0.25 + fresh[:, 0].square()
    truth = float((residual / 2).mean()) + math.log(2 * math.pi * 0.5)
    assert truth == pytest.approx(entropy, abs=0.05)
    assert before - truth > 0.4
    assert -0.01 < after - truth < 0.15


@pytest.mark.slow
def test_uniform_bytes_cost_eight_bits_and_a_learnt_flow_of_them_not_less():
    """No model can code uniform noise below its entropy; the margin of the logit map costs a little."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (500, 1, 4, 4), generator=generator) / 255
    flow = image_flow((1, 4, 4), levels=1, depth=2, width=8).initialise(images)
    train(flow, images, steps=150, lr=5e-3, levels=256, progress=False)
    fresh = (torch.randint(256, (1000, 1, 4, 4), generator=generator) + torch.rand(1000, 1, 4, 4)) / 256
    bits = float(bits_per_dimension(flow.log_density(fresh).detach(), 16).mean())
    assert 7.98 < bits < 8.3


def test_seeds_repeat_samples():
    flow = vector_flow(3)
    assert torch.equal(flow.sample(4, seed=1), flow.sample(4, seed=1))
    assert not torch.equal(flow.sample(4, seed=1), flow.sample(4, seed=2))


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="halved 3 times"):
        image_flow((1, 28, 28), levels=3)


def test_a_first_level_that_squeezes_twice_inverts_and_gives_the_jacobian():
    flow = image_flow((1, 8, 8), levels=2, depth=1, width=8, squeezes=2, seed=0).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # networks start at zero: move them
        for parameter in flow.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).double())
    x = torch.rand(2, 1, 8, 8, generator=generator).double()
    z, log_det = flow(x)
    assert torch.allclose(flow.inverse(z), x, atol=1e-9)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow(one[None]).z[0].flatten(), x[0]).reshape(64, 64)
    assert float(torch.linalg.slogdet(jacobian)[1]) == pytest.approx(float(log_det[0].detach()), rel=1e-9)
    with pytest.raises(ValueError, match="cannot be halved 3 times"):
        image_flow((1, 12, 12), levels=2, squeezes=2)
