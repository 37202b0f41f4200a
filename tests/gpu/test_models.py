"""Training, the shipped models, generators and style: the same numbers there as on the CPU."""

import pytest
import torch
from torch import nn

import deeprestore_lab as drl
from deeprestore_lab.baselines import fit_linear_filter
from deeprestore_lab.generators import shipped, train, train_bounded, train_imle
from deeprestore_lab.generators.flow_presets import vector_flow
from deeprestore_lab.generators.shipped_models import KINDS
from deeprestore_lab.measures.retrieval import linear_classifier
from deeprestore_lab.networks import adain_decoder, denoiser, digit_classifier, style_net, super_resolver
from deeprestore_lab.training import cosine, fit, step_generator

pytestmark = pytest.mark.gpu


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


MODELS = {
    "digit_classifier": (digit_classifier, (2, 1, 28, 28)),
    "denoiser": (lambda: denoiser("gaussian"), (1, 3, 32, 32)),
    "pixel": (lambda: super_resolver("pixel"), (1, 3, 12, 12)),
    "srcnn": (lambda: super_resolver("srcnn"), (1, 3, 12, 12)),
    "style_net": (style_net, (1, 3, 32, 36)),
    "adain_decoder": (adain_decoder, (1, 32, 8, 8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_shipped_models(name, device):
    make, shape = MODELS[name]
    x = numbers(*shape)
    with torch.no_grad():
        expected = make()(x)
        ours = make().to(device)(x.to(device))
    assert ours.device.type == device.type
    torch.testing.assert_close(ours.cpu(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_generators_draw_the_same_samples(kind, device):
    there = shipped(kind).to(device).sample(3, seed=1)
    assert there.device.type == device.type
    torch.testing.assert_close(there.cpu(), shipped(kind).sample(3, seed=1), rtol=1e-3, atol=2e-3)


def test_densities_of_a_flow_and_of_a_vae(device):
    x = numbers(2, 1, 28, 28)
    for kind in ("flow", "VAE"):
        with torch.no_grad():
            here, there = shipped(kind).log_density(x), shipped(kind).to(device).log_density(x.to(device))
        torch.testing.assert_close(there.cpu(), here, rtol=1e-3, atol=0.05)


def accelerator(device: torch.device) -> str:
    return "gpu" if device.type == "cuda" else device.type


TRUE = torch.tensor([[1.0, -2.0, 0.5]])


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_fit_finds_the_least_squares_answer(precision, device):
    network = nn.Linear(3, 1, bias=False)

    def draw(step: int):
        x = torch.randn(64, 3, generator=step_generator(0, step))
        return x, x @ TRUE.T

    settings = {"lr": cosine(0.1, 300), "accelerator": accelerator(device), "precision": precision}
    fit(network, draw, steps=300, progress=False, **settings)
    assert network.weight.device.type == device.type
    torch.testing.assert_close(network.weight.cpu(), TRUE, atol=1e-3 if precision == "32-true" else 0.05, rtol=0)


@pytest.mark.parametrize("mixed", [False, None])
def test_a_bounded_autoencoder_trains_alike(mixed, device):
    images = numbers(80, 1, 6, 6)
    settings = {"latent": 3, "matching": drl.generators.MENDED, "steps": 20, "batch": 16, "progress": False}
    here = train_bounded(images, mixed=False, **settings)
    there = train_bounded(images, mixed=mixed, accelerator=accelerator(device), **settings)
    with torch.no_grad():
        ours, expected = there.cpu()(images), here(images)
    assert (ours - expected).abs().mean() < (1e-3 if mixed is False else 0.02)


def test_a_flow_trains_alike(device):
    x = torch.randn(256, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 0.5])
    losses = []
    for place in ("cpu", accelerator(device)):
        flow = vector_flow(2, depth=2, width=8).initialise(x)
        losses.append(train(flow, x, steps=20, batch=64, accelerator=place, progress=False).loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_fits_in_closed_form(device):
    y, x = numbers(2, 1, 24, 24), numbers(2, 1, 24, 24, seed=1)
    here, there = fit_linear_filter(y, x, size=3), fit_linear_filter(y.to(device), x.to(device), size=3)
    torch.testing.assert_close(there(y.to(device)).cpu(), here(y), rtol=1e-4, atol=1e-5)
    features, labels = numbers(60, 4), torch.arange(60) % 3
    expected = linear_classifier(features, labels)(features)
    assert torch.equal(linear_classifier(features.to(device), labels.to(device))(features.to(device)).cpu(), expected)


def test_implicit_maximum_likelihood_takes_data_on_the_device(device):
    data, networks = numbers(64, 2), [nn.Linear(2, 2) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    settings = {"latent": 2, "steps": 6, "pool": 64, "refresh": 3, "batch": 16, "progress": False}
    here = train_imle(networks[0], data, **settings)
    there = train_imle(networks[1], data.to(device), accelerator=accelerator(device), **settings)
    assert there.loss == pytest.approx(here.loss, rel=1e-3)


def test_style_transfer_goes_the_same_way(device):
    content, style = numbers(1, 3, 48, 48), numbers(1, 3, 48, 48, seed=1)
    energies = []
    for place in ("cpu", device):
        net = drl.backbones.load("vgg_mini", "embedded")
        layers = ["relu1_1", "relu2_1"]
        trace = drl.style.transfer(content.to(place), style.to(place), net=net, style_layers=layers, steps=5)
        assert trace.x.device.type == torch.device(place).type
        energies.append(trace.energy.cpu())
    torch.testing.assert_close(energies[1], energies[0], rtol=1e-2, atol=0)
