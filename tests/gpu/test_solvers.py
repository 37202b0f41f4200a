"""Every solver and every parametrisation: the same way there as on the CPU, step by step."""

import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood
from deeprestore_lab.networks import latent_autoencoder
from deeprestore_lab.operators import Blur, Identity, Jitter, Mask, RandomScale
from deeprestore_lab.parametrisations import (
    CoordinateNetwork,
    DeepImagePrior,
    Dictionary,
    Fourier,
    ImageAndLatent,
    Latent,
    Pixels,
    PlainMLP,
)
from deeprestore_lab.priors import Tikhonov, TotalVariation

pytestmark = pytest.mark.gpu


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SHAPE = (2, 3, 16, 16)
Y = numbers(*SHAPE)
BLUR = Blur(torch.tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]], dtype=torch.float64) / 8)
MASK = Mask(numbers(16, 16, seed=1) > 0.4)
PROBLEMS = {
    "closed_form": lambda y: GaussianLikelihood(BLUR, y, sigma=0.1) + torch.tensor([1.0, 5.0]) * Tikhonov(),
    "proximal": lambda y: GaussianLikelihood(BLUR, y, sigma=0.1) + 3 * TotalVariation(gap=1e-6),
    "admm": lambda y: LaplaceLikelihood(MASK, y, scale=0.1) + 3 * TotalVariation(),
    "lbfgs": lambda y: GaussianLikelihood(MASK, y, sigma=0.1) + 3 * TotalVariation(smoothing=0.05),
    "adam": lambda y: LaplaceLikelihood(BLUR, y, scale=0.1) + 3 * TotalVariation(),
}


@pytest.mark.parametrize("solver", PROBLEMS)
def test_solvers(solver, device):
    here = minimise(PROBLEMS[solver](Y), Pixels(Y), solver=solver, steps=12, tolerance=0.0, reference=Y)
    there = minimise(
        PROBLEMS[solver](Y.to(device)), Pixels(Y.to(device)), solver=solver, steps=12, tolerance=0.0, reference=Y
    )
    assert there.x.device.type == device.type and there.stopped_by == here.stopped_by
    assert torch.equal(there.steps, here.steps) and there.steps.device.type == "cpu"
    torch.testing.assert_close(there.energy.cpu(), here.energy, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(there.x.cpu(), here.x, rtol=0, atol=1e-4)


def test_an_image_that_stops_early_stays_where_it_is(device):
    weights = torch.tensor([0.5, 40.0])
    for place in ("cpu", device):
        y = Y.to(place)
        energy = GaussianLikelihood(MASK, y, sigma=0.1) + weights * TotalVariation(smoothing=0.05)
        both = minimise(energy, Pixels(y), solver="lbfgs", steps=300, tolerance=1e-3)
        assert both.steps[0] != both.steps[1] and both.converged.all()
        first = GaussianLikelihood(MASK, y[:1], sigma=0.1) + 0.5 * TotalVariation(smoothing=0.05)
        alone = minimise(first, Pixels(y[:1]), solver="lbfgs", steps=300, tolerance=1e-3)
        assert alone.steps[0] == both.steps[0]
        torch.testing.assert_close(alone.x, both.x[:1], rtol=0, atol=1e-7)


LINEAR = {
    "pixels": lambda x: Pixels(x, bounds=(0, 1)),
    "fourier": Fourier,
    "dct": lambda x: Dictionary(x, weight=0.5),
    "dct frame": lambda x: Dictionary(x, weight=0.5, transform="dct_frame"),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_parametrisations(name, device):
    here, there = LINEAR[name](Y), LINEAR[name](Y.to(device))
    assert there().device.type == device.type
    torch.testing.assert_close(there().detach().cpu(), here().detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(there.penalty().detach().cpu(), here.penalty().detach(), rtol=1e-10, atol=1e-12)
    x = numbers(*SHAPE, seed=3)
    torch.testing.assert_close(there.adjoint(x.to(device)).cpu(), here.adjoint(x), rtol=1e-10, atol=1e-12)


NETWORKS = {
    "hourglass": lambda **where: DeepImagePrior((2, 3, 33, 40), preset="tiny", seed=[3, 4], **where),
    "mlp": lambda **where: PlainMLP((1, 1, 8, 8), hidden=16, **where),
    "coordinates": lambda **where: CoordinateNetwork((1, 3, 8, 8), hidden=16, features=8, **where),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_weights_of_their_seed_everywhere(name, device):
    here, there = NETWORKS[name](), NETWORKS[name](device=device)
    assert torch.equal(there.theta.cpu(), here.theta) and torch.equal(there.z.cpu(), here.z)
    torch.testing.assert_close(there().detach().cpu(), here().detach(), rtol=1e-3, atol=1e-4)


def test_a_deep_image_prior_searches_alike(device):
    y = numbers(1, 3, 33, 40).float()
    runs = []
    for place in ("cpu", device):
        g = NETWORKS["hourglass"](device=place)
        runs.append(minimise(GaussianLikelihood(Identity(), y.to(place), sigma=0.1), g, steps=5, average=0.9))
    here, there = runs
    assert there.x.device.type == device.type and there.average.device.type == device.type
    torch.testing.assert_close(there.energy.cpu(), here.energy, rtol=1e-2, atol=0)


@pytest.mark.parametrize(
    "options",
    [{"input_noise": 0.05}, {"jitter": 2}, {"input_noise": 0.05, "jitter": 2}, {"views": RandomScale(0.1) @ Jitter(2)}],
)
def test_random_numbers_of_a_seed_come_again(options, device):
    y = numbers(1, 3, 33, 40).float().to(device)
    before = torch.get_rng_state()
    energies = []
    for seed in (1, 1, 2):
        g = DeepImagePrior((1, 3, 33, 40), preset="tiny", device=device)
        energy = GaussianLikelihood(Identity(), y, sigma=0.1)
        energies.append(minimise(energy, g, steps=3, seed=seed, **options).energy)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(energies[0], energies[1], rtol=1e-3, atol=0)
    assert (energies[0] - energies[2]).abs().max() > 10 * (energies[0] - energies[1]).abs().max()


def test_a_checkpoint_goes_on_with_the_random_numbers(device, tmp_path):
    y = numbers(1, 3, 33, 40).float().to(device)

    def run(steps: int, **options):
        g = DeepImagePrior((1, 3, 33, 40), preset="tiny", device=device)
        data = GaussianLikelihood(Identity(), y, sigma=0.1)
        return minimise(data, g, steps=steps, seed=1, input_noise=0.05, jitter=1, **options)

    run(3, checkpoint=tmp_path / "run")
    resumed, whole = run(6, checkpoint=tmp_path / "run"), run(6)
    torch.testing.assert_close(resumed.energy, whole.energy, rtol=1e-3, atol=0)
    assert resumed.x.device.type == device.type


def test_a_seed_leaves_the_generators_of_every_device_alone(device):
    before = [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]
    with seeded(5):
        x = torch.rand(4, device=device)
    assert torch.equal(x, torch.rand(4, device=device, generator=torch.Generator(device).manual_seed(5)))
    after = [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]
    assert all(map(torch.equal, before, after))


@pytest.mark.parametrize("with_image", [False, True])
def test_searches_over_codes(with_image, device):
    y, runs = numbers(2, 1, 28, 28).float(), []
    for place in ("cpu", device):
        decode = latent_autoencoder("mended").to(place).decode
        u, x = torch.full((2, 10), 0.5, device=place), y.to(place)
        g = ImageAndLatent(decode, x, u, temperature=0.5) if with_image else Latent(decode, u)
        runs.append(minimise(GaussianLikelihood(Identity(), x, sigma=0.3), g, solver="lbfgs", steps=5))
    torch.testing.assert_close(runs[1].energy.cpu(), runs[0].energy, rtol=1e-3, atol=0)
