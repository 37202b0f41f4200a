import pytest
import torch
from torch import nn

from deeprestore_lab import backbones
from deeprestore_lab.backbones.lean import LeanRepresentation

LAYERS = ("conv1_1", "relu1_2", "pool1", "relu2_2", "relu3_1", "mini4_1")


@pytest.fixture(scope="module")
def network():
    return backbones.load("vgg_mini", "random", seed=3)


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("layer", LAYERS)
def test_values_and_gradients_are_those_of_autograd(network, layer):
    plain, lean = network.at(layer), LeanRepresentation(network, layer)
    x = drawn(2, 3, 18, 22)
    u = torch.randn(plain(x).shape, generator=torch.Generator().manual_seed(1))
    found = []
    for phi in (plain, lean):
        z = x.clone().requires_grad_()
        y = phi(z)
        (gradient,) = torch.autograd.grad((y * u).sum(), z)
        found.append((y.detach(), gradient))
    torch.testing.assert_close(found[1][0], found[0][0])
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-4, atol=1e-5)
    assert found[1][1].is_contiguous()


def test_a_gradient_in_double_precision_is_that_of_finite_differences(network):
    phi = LeanRepresentation(network, "relu2_1")
    x = drawn(1, 3, 6, 6, dtype=torch.float64)
    v = drawn(1, 3, 6, 6, seed=1, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(phi(z := x.requires_grad_()).square().sum(), z)
    with torch.no_grad():
        ahead, behind = (phi(x + t * v).square().sum() for t in (1e-7, -1e-7))
    torch.testing.assert_close((gradient * v).sum(), (ahead - behind) / 2e-7, rtol=1e-5, atol=0)


def test_the_jacobian_and_its_transpose_agree_with_autograd(network):
    lean, x = LeanRepresentation(network, "relu3_1"), drawn(2, 3, 16, 16)
    J, v = lean.linearised(x), drawn(2, 3, 16, 16, seed=1) - 0.5
    value, forward = torch.autograd.functional.jvp(network.at("relu3_1"), x, v)
    torch.testing.assert_close(J.value, value)
    torch.testing.assert_close(J.apply(v), forward, rtol=1e-4, atol=1e-5)
    u = torch.randn(value.shape, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close((J.apply(v) * u).sum(), (v * J.adjoint(u)).sum(), rtol=1e-4, atol=1e-4)


def test_the_transpose_leaves_its_argument_as_it_was(network):
    J = LeanRepresentation(network, "relu1_1").linearised(drawn(1, 3, 8, 8))
    u = torch.ones_like(J.value)
    J.adjoint(u)
    assert bool((u == 1).all())


def test_the_signs_are_those_of_the_maps(network):
    x = drawn(1, 3, 12, 12)
    signs = LeanRepresentation(network, "relu2_1").linearised(x).signs()
    maps = network.features(x, ["relu1_1", "relu1_2", "relu2_1"])
    assert all(torch.equal(on, f > 0) for on, f in zip(signs, maps.values(), strict=True))


def test_no_activation_waits_for_the_gradient(network):
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = LeanRepresentation(network, "relu3_1")(drawn(1, 3, 16, 16).requires_grad_())
    assert not kept
    assert {own.dtype for stage, own in y.grad_fn.kept if isinstance(stage, nn.ReLU)} == {torch.bool}


def test_other_networks_and_layers_are_refused_by_name(network):
    with pytest.raises(ValueError, match="no layer 'relu9_9'"):
        LeanRepresentation(network, "relu9_9")
    squeezenet = backbones.load("squeezenet1_1", "random")
    with pytest.raises(ValueError, match="cannot be lean"):
        LeanRepresentation(squeezenet, "fire3")
    with pytest.raises(ValueError, match="channels"):
        LeanRepresentation(network, "relu1_1")(drawn(1, 1, 8, 8))
