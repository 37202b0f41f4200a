"""Invertible maps: each inverse undoes its map, and each log-determinant is that of autograd's Jacobian."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deeprestore_lab.generators import (
    ActNorm,
    AffineCoupling,
    FirstHalf,
    Flow,
    LeakyReLU,
    LinearMixing,
    LogitMap,
    Squeeze,
    convolutional,
    fully_connected,
)
from refusals import refused

VECTOR, IMAGE = (5,), (4, 2, 4)


def awake(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in float64 with every parameter moved, so that nothing is an identity."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


def inner() -> Flow:
    return Flow([ActNorm(2), Squeeze(), LinearMixing(8, seed=3)], shape=(2, 2, 4))


MAPS = {
    "leaky": (lambda: LeakyReLU(0.3), VECTOR),
    "leaky image": (lambda: LeakyReLU(2.0), IMAGE),
    "logit": (lambda: LogitMap(0.05), IMAGE),
    "squeeze": (Squeeze, IMAGE),
    "norm": (lambda: ActNorm(5), VECTOR),
    "norm image": (lambda: ActNorm(4), IMAGE),
    "mixing": (lambda: LinearMixing(5, seed=1), VECTOR),
    "mixing image": (lambda: LinearMixing(4, seed=2), IMAGE),
    "coupling": (lambda: AffineCoupling(5, fully_connected(2, 6, width=7)), VECTOR),
    "coupling with ReLU": (lambda: AffineCoupling(5, fully_connected(2, 6, width=7, activation="relu")), VECTOR),
    "coupling image": (lambda: AffineCoupling(4, convolutional(2, 4, width=3)), IMAGE),
    "first half": (lambda: FirstHalf(inner()), IMAGE),
    "flow": (lambda: Flow([LinearMixing(4), nn.LeakyReLU(0.5), FirstHalf(inner())], shape=IMAGE), IMAGE),
}


def batch(name: str, count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    draw = torch.rand if name == "logit" else torch.randn
    return draw(count, *MAPS[name][1], generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", MAPS)
def test_the_inverse_undoes_the_map(name):
    layer, x = awake(MAPS[name][0]()), batch(name)
    torch.testing.assert_close(layer.inverse(layer(x).z), x, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", MAPS)
def test_the_log_determinant_is_that_of_the_jacobian(name):
    layer, x = awake(MAPS[name][0]()), batch(name)
    expected = []
    for one in x:
        jacobian = torch.autograd.functional.jacobian(lambda v: layer(v[None]).z[0], one)
        size = one.numel()
        expected.append(torch.linalg.slogdet(jacobian.reshape(size, size)).logabsdet)
    torch.testing.assert_close(layer(x).log_det, torch.stack(expected), atol=1e-9, rtol=0)


def test_a_relu_on_the_path_is_refused_and_within_a_coupling_taken():
    with pytest.raises(ValueError, match="ReLU .* no inverse"):
        Flow([nn.ReLU()], shape=(2,))
    with pytest.raises(ValueError, match="slope of 0 is ReLU"):
        Flow([nn.LeakyReLU(0.0)], shape=(2,))
    with pytest.raises(ValueError, match="slope must be"):
        LeakyReLU(-0.5)
    with pytest.raises(ValueError, match="Invertible layers, got Tanh"):
        Flow([nn.Tanh()], shape=(2,))
    assert isinstance(Flow([nn.LeakyReLU(0.1)], shape=(2,)).layers[0], LeakyReLU)


@pytest.mark.parametrize("shape", [(64, 5), (16, 5, 3, 2)])
def test_a_first_batch_leaves_the_norm_with_mean_zero_and_variance_one(shape):
    x = 7 + 3 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    norm = ActNorm(5).double()
    norm.initialise(x)
    rows = norm(x).z.detach().transpose(0, 1).flatten(1)
    torch.testing.assert_close(rows.mean(1), torch.zeros(5, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows.var(1, correction=0), torch.ones(5, dtype=torch.float64), atol=1e-6, rtol=0)


def test_a_mixing_starts_as_a_rotation():
    W = LinearMixing(6, seed=4).double().matrix().detach()
    torch.testing.assert_close(W @ W.T, torch.eye(6, dtype=torch.float64), atol=1e-6, rtol=0)
    assert not torch.allclose(W, LinearMixing(6, seed=5).double().matrix())


def test_a_coupling_starts_as_the_identity():
    x = torch.randn(3, 5)
    z, log_det = AffineCoupling(5, fully_connected(2, 6, width=4))(x)
    assert torch.equal(z, x) and torch.equal(log_det, torch.zeros(3))


test_what_does_not_fit_is_named = refused(
    (lambda: LogitMap(0.5), "below 1/2"),
    (lambda: LogitMap()(torch.tensor([[1.5]])), r"lie in \[0, 1\]"),
    (lambda: Squeeze()(torch.zeros(1, 1, 3, 4)), "even sides"),
    (lambda: ActNorm(3)(torch.zeros(2, 4)), r"\(N, 3\)"),
    (lambda: ActNorm(2).initialise(torch.ones(4, 2)), "2 do not"),
    (lambda: AffineCoupling(4, nn.Linear(2, 3))(torch.zeros(2, 4)), "must give 4 channels"),
    (lambda: AffineCoupling(1, nn.Identity()), "at least 2"),
    (lambda: FirstHalf(inner())(torch.zeros(1, 6, 2, 4)), "twice the channels"),
    (lambda: inner()(torch.zeros(1, 2, 2, 2)), r"\(N, 2, 2, 4\)"),
    (lambda: fully_connected(2, 2, width=3, activation="gelu"), "activation"),
)
