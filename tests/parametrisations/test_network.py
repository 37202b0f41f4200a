"""Networks as parametrisations, against the module called by itself and torch's own Adam."""

import copy

import pytest
import torch
from torch import nn

from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.networks import FourierFeatures
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import Network, Pixels
from refusals import refused

SHAPE = (3, 2, 6, 7)
SEEDS = [5, 2, 5]


def make() -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 3, 3, padding=1), nn.LeakyReLU(), nn.Conv2d(3, 2, 1))


def inputs(seed: int) -> torch.Tensor:
    return torch.rand(1, 4, 6, 7, generator=torch.Generator().manual_seed(seed))


def network(shape: tuple = SHAPE, *, seed: int | list[int] = SEEDS) -> Network:
    return Network(make, inputs, shape=shape, seed=seed)


def modules(seeds: list[int]) -> list[nn.Module]:
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        found.append(make())
    return found


Y = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))


def test_each_image_is_what_the_module_of_its_seed_makes_of_its_input():
    g = network()
    assert g.theta.shape == (3, 4 * 3 * 9 + 3 + 3 * 2 + 2) and g.parameter_count == g.theta.shape[1]
    for i, (seed, module) in enumerate(zip(SEEDS, modules(SEEDS), strict=True)):
        torch.testing.assert_close(g()[i : i + 1], module(inputs(seed)), rtol=0, atol=0)
        assert torch.equal(g.theta[i], torch.cat([p.flatten() for p in module.parameters()]))
    assert torch.equal(g()[0], g()[2]) and not torch.equal(g()[0], g()[1])


def test_one_tensor_is_the_input_of_every_image():
    z = inputs(9)
    g = Network(make, z, shape=SHAPE, seed=SEEDS)
    torch.testing.assert_close(g()[1:2], modules([2])[0](z), rtol=0, atol=0)
    z.zero_()
    assert g.z.min() > 0 and g.z.shape == (3, 4, 6, 7)


def test_making_one_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    network()().sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


def test_gradients_are_those_of_the_modules_each_of_its_own_image():
    g, direction = network(), torch.randn(SHAPE)
    (gradient,) = torch.autograd.grad((g() * direction).sum(), g.theta)
    for i, (seed, module) in enumerate(zip(SEEDS, modules(SEEDS), strict=True)):
        (module(inputs(seed)) * direction[i : i + 1]).sum().backward()
        torch.testing.assert_close(gradient[i], torch.cat([p.grad.flatten() for p in module.parameters()]))
    (gradient,) = torch.autograd.grad(g()[1].sum(), g.theta)
    assert gradient[1].abs().max() > 0 and gradient[[0, 2]].abs().max() == 0


def test_a_weight_that_two_layers_share_stands_in_theta_once():
    def tied() -> nn.Module:
        module = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Tanh(), nn.Conv2d(1, 1, 3, padding=1))
        module[2].weight = module[0].weight
        return module

    g = Network(tied, torch.ones(1, 1, 4, 4), shape=(1, 1, 4, 4))
    assert g.parameter_count == 9 + 1
    torch.manual_seed(0)
    module = tied()
    g().sum().backward()
    module(torch.ones(1, 1, 4, 4)).sum().backward()
    torch.testing.assert_close(g.theta.grad[0], torch.cat([p.grad.flatten() for p in module.parameters()]))


def test_minimise_goes_the_way_of_torchs_adam():
    g = network()
    trace = minimise(GaussianLikelihood(Identity(), Y, sigma=0.5), g, steps=12, lr=0.02)
    assert trace.solver == "adam"
    for i, (seed, module) in enumerate(zip(SEEDS, modules(SEEDS), strict=True)):
        optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
        for step in range(13):
            x = module(inputs(seed))
            energy = (x - Y[i : i + 1]).square().sum() / (2 * 0.5**2)
            torch.testing.assert_close(trace.energy[step, i], energy.detach(), rtol=1e-4, atol=0)
            optimiser.zero_grad()
            energy.backward()
            optimiser.step()
        torch.testing.assert_close(trace.x[i : i + 1], x.detach(), rtol=0, atol=1e-4)


def test_perturbed_uses_one_draw_for_the_batch_and_the_generator_given():
    g = network()
    generator = torch.Generator().manual_seed(7)
    n = torch.randn(1, 4, 6, 7, generator=torch.Generator().manual_seed(7))
    before = torch.get_rng_state()
    x = g.perturbed(0.3, generator=generator)
    assert torch.equal(torch.get_rng_state(), before)
    for i, (seed, module) in enumerate(zip(SEEDS, modules(SEEDS), strict=True)):
        torch.testing.assert_close(x[i : i + 1], module(inputs(seed) + 0.3 * n))
    assert not torch.equal(x, g.perturbed(0.3, generator=generator)), "the second draw is another"
    torch.manual_seed(7)
    assert torch.equal(x, g.perturbed(0.3)), "without a generator it is the global one"
    assert torch.equal(g.perturbed(0.0), g())


def test_another_precision_is_the_same_image_with_more_digits():
    g = network()
    single = g()
    assert g.to(torch.float64) is g and g.theta.dtype == g.z.dtype == g().dtype == torch.float64
    torch.testing.assert_close(g().float(), single)
    assert not torch.equal(g(), single.double())
    assert g.perturbed(0.1).dtype == torch.float64
    trace = minimise(GaussianLikelihood(Identity(), Y.double(), sigma=0.5), g, steps=3, input_noise=0.1, seed=0)
    assert trace.x.dtype == trace.energy.dtype == torch.float64


def test_buffers_that_stay_follow_the_precision():
    features = FourierFeatures(torch.tensor([[1.0, 2.0], [3.0, 0.5]]))

    def with_features() -> nn.Module:
        return nn.Sequential(copy.deepcopy(features), nn.Linear(4, 3), nn.Unflatten(1, (3, 1, 1)))

    g = Network(with_features, torch.tensor([[0.2, 0.7]]), shape=(2, 3, 1, 1), seed=[1, 2])
    single = g()
    assert g.double()().dtype == torch.float64
    torch.testing.assert_close(g().float(), single)


def test_a_deep_copy_goes_its_own_way():
    g = network()
    other, start = copy.deepcopy(g), g().detach()
    assert torch.equal(other(), start)
    minimise(GaussianLikelihood(Identity(), Y, sigma=0.5), other, steps=2)
    assert torch.equal(g(), start) and not torch.equal(other(), start)
    other.double()
    assert g().dtype == torch.float32 and torch.equal(g(), start)
    minimise(GaussianLikelihood(Identity(), Y, sigma=0.5), g, steps=2)
    torch.testing.assert_close(g().double(), other(), rtol=0, atol=1e-6)


def test_the_state_brings_weights_and_input_back():
    g, other = network(), network(seed=[7, 8, 9])
    minimise(GaussianLikelihood(Identity(), Y, sigma=0.5), g, steps=2)
    assert sorted(g.state_dict()) == ["theta", "z"] and [name for name, _ in g.named_parameters()] == ["theta"]
    other.load_state_dict(g.state_dict())
    assert torch.equal(other(), g())


def test_the_template_keeps_weights_of_its_own_between_calls():
    g = network()
    with pytest.raises(RuntimeError):
        g._images(torch.rand(3, 5, 6, 7))  # too many channels: an error inside of the network
    assert torch.equal(g(), network()())


class Jumps(Energy):
    """A sum of squares that jumps up tenfold now and then, and falls nowhere."""

    def __init__(self) -> None:
        self.calls = 0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x.flatten(1).square().sum(1) * (10 if self.calls % 7 == 0 else 1) + 1000


def test_the_energy_does_not_stop_a_network_before_its_steps():
    g = network((2, 2, 6, 7), seed=[1, 2])
    trace = minimise(Jumps(), g, steps=120, lr=1e-6, tolerance=0.1)
    assert trace.steps.tolist() == [120, 120] and trace.stopped_by == ["steps", "steps"]
    pixels = minimise(Jumps(), Pixels(Y[:2]), solver="adam", steps=120, lr=1e-6, tolerance=0.1)
    assert pixels.stopped_by == ["tolerance", "tolerance"], "the same energy stops a search over pixels"


class Counter(nn.Module):
    """Multiplies by how often it was called: state that no parameter holds."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 2, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.calls * self.layer(z)


class Drawn(nn.Module):
    """Random numbers of its seed in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 2, 1)
        self.register_buffer("shift", torch.rand(()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layer(z) + self.shift


def with_norm(**options: bool) -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2, **options))


test_bad_arguments_are_named = refused(
    (lambda: Network(with_norm, inputs, shape=SHAPE), "Sequential keeps running averages"),
    (lambda: Network(Counter, inputs, shape=SHAPE), "Counter keeps running averages or other state"),
    (lambda: Network(Drawn, inputs, shape=SHAPE, seed=SEEDS), "buffers of Drawn differ between seeds"),
    (lambda: Network(lambda: nn.Sequential(make(), nn.Dropout()), inputs, shape=SHAPE), "draws random numbers"),
    (lambda: Network(nn.ReLU, inputs, shape=SHAPE), "make must give a module with parameters, got ReLU"),
    (lambda: Network(lambda: None, inputs, shape=SHAPE), "make must give .* got NoneType"),
    (lambda: Network(make, torch.rand(3, 4, 6, 7), shape=SHAPE), r"float tensor \(1, ...\), got .*\(3, 4, 6, 7\)"),
    (lambda: Network(make, lambda seed: seed, shape=SHAPE), "input z must be"),
    (lambda: Network(make, inputs, shape=(3, 1, 6, 7)), r"shape \(3, 2, 6, 7\), expected \(3, 1, 6, 7\)"),
    (lambda: Network(make, inputs, shape=(2, 6, 7)), r"\(N, C, H, W\), got \(2, 6, 7\)"),
    (lambda: Network(make, inputs, shape=(0, 2, 6, 7)), "a side of shape"),
    (lambda: network(seed=[1, 2]), "2 seeds were given for 3 images"),
    (lambda: network(seed=-1), "seed must be a whole number of at least 0"),
    (lambda: network(seed=[1, 2, 1.5]), "seed must be"),
    (lambda: network(seed="012"), "seed must be"),
)


def test_norms_of_the_batch_alone_are_taken():
    g = Network(lambda: with_norm(track_running_stats=False), inputs, shape=SHAPE)
    x = g().detach()
    torch.testing.assert_close(x.mean((2, 3)), torch.zeros(3, 2), rtol=0, atol=1e-6)
    assert torch.equal(g(), x)
