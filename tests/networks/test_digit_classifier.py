"""The digit classifier against its layers written as SciPy correlations."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from scipy.special import erf

from deeprestore_lab.networks import DigitClassifier, digit_classifier, trained


def gelu(t: np.ndarray) -> np.ndarray:
    return t * (1 + erf(t / 2**0.5)) / 2


def strided(maps: np.ndarray, layer: torch.nn.Conv2d) -> np.ndarray:
    kernels, border = layer.weight.detach().numpy(), layer.weight.shape[-1] // 2
    padded = np.pad(maps, ((0, 0), (border, border), (border, border)))
    out = [sum(correlate2d(m, k, mode="valid") for m, k in zip(padded, kernel, strict=True)) for kernel in kernels]
    return np.stack(out)[:, ::2, ::2] + layer.bias.detach().numpy()[:, None, None]


def test_features_and_logits_are_the_stated_layers():
    classifier = DigitClassifier(seed=1).double()
    x = torch.rand(2, 1, 28, 28, dtype=torch.float64)
    first, second, linear = classifier.body[0], classifier.body[2], classifier.body[5]
    for own, features, logits in zip(x.numpy(), classifier.features(x).detach(), classifier(x).detach(), strict=True):
        h = gelu(strided(gelu(strided(own, first)), second)).reshape(-1)
        h = gelu(linear.weight.detach().numpy() @ h + linear.bias.detach().numpy())
        np.testing.assert_allclose(features, h, atol=1e-12)
        np.testing.assert_allclose(
            logits, classifier.head.weight.detach().numpy() @ h + classifier.head.bias.detach().numpy(), atol=1e-12
        )


def test_it_has_the_size_that_its_layers_say():
    sizes = [25 * 16 + 16, 9 * 16 * 32 + 32, 32 * 49 * 64 + 64, 64 * 10 + 10]
    assert sum(p.numel() for p in DigitClassifier().parameters()) == sum(sizes)


def test_the_seed_alone_decides_the_start():
    state = torch.get_rng_state()
    same, other = DigitClassifier(seed=3), DigitClassifier(seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(DigitClassifier(seed=3).head.weight, same.head.weight)
    assert not torch.equal(same.head.weight, other.head.weight)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"\(N, 1, 28, 28\), got"):
        DigitClassifier()(torch.rand(1, 3, 28, 28))


def test_the_loader_reads_float16(monkeypatch):
    own, x = DigitClassifier(seed=5), torch.rand(2, 1, 28, 28)
    stored = {name: w.half() for name, w in own.state_dict().items()}
    monkeypatch.setattr(trained, "_stored", lambda name: stored)
    loaded = digit_classifier()
    assert torch.equal(loaded(x), own.half().float()(x))
    assert not any(p.requires_grad for p in loaded.parameters())
