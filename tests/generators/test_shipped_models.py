"""The shipped generators: what they draw, that they are what they say, and how their sizes compare."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.generators import (
    GLANN,
    GLO,
    IMLE,
    AutoEncoder,
    Decoder,
    Flow,
    VariationalAutoEncoder,
    digit_flow,
    shipped,
)
from deeprestore_lab.generators.shipped_models import KINDS
from deeprestore_lab.measures.sample_quality import class_entropy
from deeprestore_lab.networks.bounded_autoencoder import latent_autoencoder
from deeprestore_lab.networks.digit_classifier import digit_classifier

CLASSES = {
    "auto-encoder": AutoEncoder,
    "VAE": VariationalAutoEncoder,
    "GLO": GLO,
    "IMLE": IMLE,
    "GLANN": GLANN,
    "flow": Flow,
}


@pytest.fixture(scope="module")
def models():
    return {kind: shipped(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def samples(models):
    return {kind: model.sample(300, seed=1) for kind, model in models.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_images_that_the_seed_repeats(models, samples, kind):
    assert type(models[kind]) is CLASSES[kind]
    drawn, beside = samples[kind], 0.06 if kind == "flow" else 0.0
    assert drawn.shape == (300, 1, 28, 28) and drawn.dtype == torch.float32
    assert drawn.min() >= -beside and drawn.max() <= 1 + beside
    assert torch.equal(shipped(kind).sample(3, seed=1), models[kind].sample(3, seed=1))
    assert not any(parameter.requires_grad for parameter in models[kind].parameters())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "flow"])
def test_a_classifier_of_real_digits_takes_samples_for_digits_of_all_classes(samples, kind):
    """An untrained decoder gives one class."""
    probabilities = digit_classifier()(samples[kind]).softmax(1)
    classes = torch.nn.functional.one_hot(probabilities.argmax(1), 10).float()
    assert class_entropy(classes) > 0.7
    assert probabilities.max(1).values.mean() > 0.55


def test_the_auto_encoder_is_the_mended_one_of_chapter_12(models):
    u = torch.rand(5, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(models["auto-encoder"].decode(u), latent_autoencoder("mended").decode(u))


def test_the_glann_stands_on_the_shipped_glo(models):
    glo, glann = models["GLO"], models["GLANN"]
    assert all(torch.equal(value, glann.glo.state_dict()[name]) for name, value in glo.state_dict().items())
    assert glo.codes.norm(dim=1).max() < 1.001  # in the ball, but for half precision


def test_the_flow_is_inverted_and_finds_its_samples_more_probable_than_noise(models):
    """In nats: a density with respect to volume, so noise of the same range is the fair comparison."""
    flow = models["flow"].double()
    x = flow.sample(20, seed=2)
    assert torch.allclose(flow.inverse(flow(x.clamp(0, 1)).z), x.clamp(0, 1), atol=1e-6)
    noise = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0)).double()
    assert flow.log_density(x.clamp(0, 1)).min() > flow.log_density(noise).max() + 784
    flow.float()


def test_the_vae_bound_is_below_its_estimate_of_the_density(models):
    vae, x = models["VAE"], models["GLO"].decode(models["GLO"].codes[:30])
    generator = torch.Generator().manual_seed(0)
    bounds = torch.stack([vae.bound(x, torch.randn(30, 10, generator=generator)) for _ in range(30)]).mean(0)
    assert (vae.log_density(x, samples=30) > bounds).all()


def test_what_draws_samples_is_of_comparable_size():
    decoder = sum(parameter.numel() for parameter in Decoder().parameters())
    flow = sum(parameter.numel() for parameter in digit_flow().parameters())
    assert decoder / 2 < flow < 2 * decoder
