"""The bounded auto-encoder against products in NumPy, and what its start promises."""

import numpy as np
import pytest
import torch
from torch import nn

from deeprestore_lab.networks import BoundedAutoEncoder, digit_classifier, latent_autoencoder, leaky_layers, trained
from refusals import refused

SHAPE = (2, 3, 4)


def small(**settings) -> BoundedAutoEncoder:
    return BoundedAutoEncoder(**{"latent": 3, "widths": (16, 8), "shape": SHAPE, **settings})


def images(count: int = 40, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed)) ** 2


def by_hand(layers: nn.Module, h: np.ndarray) -> np.ndarray:
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    for k, layer in enumerate(linear):
        h = h @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        h = h if k == len(linear) - 1 else np.where(h > 0, h, 0.2 * h)
    return h


def sigmoid(t: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-t))


def test_both_halves_are_the_stated_equations():
    model = small().double()
    x = images().double()
    model.initialise(x)
    u = sigmoid(by_hand(model.encoder, ((x.numpy() - x.mean(0).numpy()) / float(model.scale)).reshape(40, -1)))
    back = sigmoid(by_hand(model.decoder, 2 * u - 1)).reshape(40, *SHAPE)
    np.testing.assert_allclose(model.encode(x).detach(), u, atol=1e-12)
    np.testing.assert_allclose(model(x).detach(), back, atol=1e-12)
    assert float(model.scale) == pytest.approx(0.3)


def test_layers_have_the_widths_and_their_reverse():
    shapes = [tuple(p.shape) for p in small().parameters() if p.ndim == 2]
    assert shapes == [(16, 24), (8, 16), (3, 8), (8, 3), (16, 8), (24, 16)]


def test_weights_keep_the_mean_square_of_what_passes():
    torch.manual_seed(0)
    net = leaky_layers([400] * 6)
    h = torch.randn(500, 400)
    assert 0.5 < net[:-1](h).square().mean().item() < 2  # a variance of 1 / inputs would give 0.07


def test_the_start_spreads_codes_over_the_cube_and_decodes_the_mean_image():
    x = images(200)
    model = small().initialise(x)
    with torch.no_grad():
        u = model.encode(x)
        assert torch.logit(u).std().item() == pytest.approx(1, abs=1e-4)
        difference = model(x) - x.mean(0)
    assert difference.abs().max() < 0.1
    torch.testing.assert_close(model.mean, x.mean(0))


def test_a_pixel_that_is_always_black_starts_at_one_hundredth():
    x = images()
    x[:, :, 0] = 0
    model = small().initialise(x)
    bias = model.decoder[-1].bias.detach().reshape(SHAPE)
    torch.testing.assert_close(torch.sigmoid(bias[:, 0]), torch.full((2, 4), 0.01))


def test_starting_again_forgets_training_and_leaves_the_global_generator_alone():
    model = small(seed=7).initialise(images())
    first = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1)
    state = torch.get_rng_state()
    assert model.initialise(images()) is model
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], value) for name, value in model.state_dict().items())
    assert not torch.equal(first["encoder.0.weight"], small(seed=8).encoder[0].weight)


def test_a_few_steps_of_training_do_not_collapse_the_codes():
    torch.manual_seed(0)
    x = torch.sigmoid(6 * torch.randn(256, 2) @ torch.randn(2, 24)).reshape(256, *SHAPE)
    model = small(latent=2).initialise(x)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    start = (model(x) - x).square().mean().item()
    for _ in range(200):
        loss = (model(x) - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < start / 2 and model.encode(x).std(0).min() > 0.1


test_bad_arguments_are_named = refused(
    (lambda: small(latent=0), "latent"),
    (lambda: small(shape=(3, 4)), "shape must be that of one image"),
    (lambda: small(widths=(0,)), "a width"),
    (lambda: leaky_layers([3]), r"input and their output at least, got \[3\]"),
    (lambda: small().encode(torch.zeros(1, 2, 3, 5)), r"\(N, 2, 3, 4\), got"),
    (lambda: small().decode(torch.zeros(1, 4)), r"\(N, 3\), got"),
    (lambda: small().decode(torch.zeros(1, 3, dtype=torch.long)), r"float tensor \(N, 3\), got"),
    (lambda: small().initialise(images(1)), "at least 2"),
    (lambda: small().initialise(torch.full((4, *SHAPE), 0.5)), "all alike"),
)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An artifact of the stated form in float16, in place of the shipped one."""
    models = {
        f"{kind}-{latent}": BoundedAutoEncoder(latent=latent, seed=seed).initialise(torch.rand(5, 1, 28, 28))
        for seed, (kind, latent) in enumerate([("naive", 8), ("mended", 8), ("mended", 10)])
    }
    stored = {f"{key}.{name}": w.half() for key, model in models.items() for name, w in model.state_dict().items()}
    monkeypatch.setattr(trained, "_stored", lambda name: stored)
    return models


def test_the_loader_picks_the_weights_of_its_kind_and_length(shipped):
    x = torch.rand(3, 1, 28, 28, requires_grad=True)
    for kind, latent in [("naive", 8), ("mended", 8), ("mended", 10)]:
        model = latent_autoencoder(kind, latent=latent)
        own = shipped[f"{kind}-{latent}"].half().float()  # rounded as it is stored
        assert torch.equal(model.encode(x), own.encode(x)) and torch.equal(model(x), own(x))
        assert not any(p.requires_grad for p in model.parameters()) and not model.training
        assert torch.autograd.grad(model(x).sum(), x)[0].any()


def test_unknown_auto_encoders_are_named(shipped):
    with pytest.raises(ValueError, match="kind must be one of 'naive', 'mended'"):
        latent_autoencoder("plain")
    with pytest.raises(ValueError, match="latent must be one of 8, 10, 12; got 9"):
        latent_autoencoder("naive", latent=9)


@pytest.mark.parametrize("latent", [8, 10, 12])
def test_the_classifier_is_surer_of_what_the_shipped_mended_cube_holds(latent):
    u = torch.rand(2000, latent, generator=torch.Generator().manual_seed(0))
    classifier, sure = digit_classifier(), {}
    for kind in ("naive", "mended"):
        model = latent_autoencoder(kind, latent=latent)
        x = model.decode(u)
        probabilities = torch.softmax(classifier(x), 1)
        sure[kind] = float(probabilities.max(1).values.mean())
        assert set(probabilities.argmax(1).tolist()) == set(range(10))
        assert (model.encode(x) - u).square().mean().sqrt() < 0.12  # a collapsed encoder has 0.289
    assert sure["mended"] > sure["naive"] + 0.04
