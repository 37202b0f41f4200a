"""What is measured of an inverse network, against the definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.inverse_networks import (
    InverseNetwork,
    inverse_network,
    maps_of,
    normalised_errors,
    paired_interval,
    relative_error,
    scores,
)
from deeprestore_lab.inverse_networks.evaluation import scored
from deeprestore_lab.measures.metrics import psnr


def test_the_scores_are_those_of_the_picture_that_comes_back():
    net = load("vgg_mini", "random", seed=0)
    inverse = InverseNetwork(net, "pool1", seed=1)
    x = images.photographs(["astronaut", "chelsea"], size=32)
    shown, found = scored(inverse.calibrate(maps_of(inverse, x)), x)
    picture = inverse(net.at("pool1")(x)).detach().clamp(0, 1)
    again = RepresentationError(net.at("pool1"), net.at("pool1")(x))(picture)
    assert torch.equal(shown, picture)
    assert all(torch.equal(values, found[name]) for name, values in scores(inverse, x).items())
    assert torch.allclose(found["again pool1"], again, rtol=1e-5)
    assert torch.equal(found["psnr"], psnr(picture, x))
    assert {"inner relu1_2", "from relu1_2", "contrast", "distance"} < set(found)
    assert all(values.shape == (2,) for values in found.values())


def test_normalised_errors_against_numpy():
    draw = torch.Generator().manual_seed(0)
    x, r = (torch.rand(5, 3, 4, 4, generator=draw) for _ in range(2))
    a, b = (each.flatten(1).double().numpy() for each in (x, r))
    mean = np.mean([np.linalg.norm(b[i] - b[j]) for i in range(5) for j in range(i)])
    wanted = np.linalg.norm(a - b, axis=1) / mean
    assert np.allclose(normalised_errors(x, r).numpy(), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match="two others"):
        normalised_errors(x[:1], r[:1])
    with pytest.raises(ValueError, match="differ"):
        normalised_errors(x, r[:1].expand(5, -1, -1, -1))


def test_relative_error_of_zeros_is_one():
    f = torch.rand(3, 2, 4, 4)
    assert torch.equal(relative_error(torch.zeros_like(f), f), torch.ones(3))
    with pytest.raises(ValueError, match="one shape"):
        relative_error(f, f[:1])


def test_intervals_cover_the_mean_about_as_often_as_they_say():
    """Of 200 intervals over 40 pictures 95 % cover: 8 to 9 in 10 would already be a mistake of the method."""
    draw = torch.Generator().manual_seed(0)
    found = [paired_interval(torch.randn(40, generator=draw) + 1, draws=400) for _ in range(200)]
    assert 0.9 <= sum(low < 1 < high for low, high in found) / 200 <= 0.99


@pytest.mark.parametrize(("layer", "least"), [("relu1_2", 33.0), ("relu2_2", 23.0), ("relu3_3", 19.0)])
def test_the_shipped_networks_give_back_photographs_they_never_saw(layer, least):
    """At least the decibels of a much shorter training; a grey picture has about 12."""
    inverse = inverse_network(layer)
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=64)
    picture = inverse(maps_of(inverse, x)[layer]).clamp(0, 1)
    assert float(psnr(picture, x).mean()) > least
