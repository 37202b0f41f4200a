"""The shipped small VGG16: its size and scale anywhere, its likeness to VGG16 where that is at hand."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.backbones.weights import at_hand
from deeprestore_lab.core import artifacts
from deeprestore_lab.images.distortions import DISTORTIONS, distort
from deeprestore_lab.measures.perceptual import (
    distance,
    distorted_pairs,
    explained_variance,
    linear_head,
    rank_agreement,
)
from deeprestore_lab.training import Patches

RELUS = [name for name in backbones.layer_names("vgg_mini") if name.startswith(("relu", "mini")) and "conv" not in name]
needs_vgg16 = pytest.mark.skipif(not at_hand("vgg16", "local"), reason="VGG16's weights are not in the local folder")


def mini(seed: int | None = None) -> backbones.Backbone:
    return backbones.load("vgg_mini", "embedded") if seed is None else backbones.load("vgg_mini", "random", seed=seed)


def photographs(size: int = 96) -> torch.Tensor:
    return images.photographs(("astronaut", "chelsea", "coins"), size=size)


def test_it_is_small():
    file = artifacts.SHIPPED / "weights" / "vgg_mini.safetensors"
    assert file.stat().st_size <= 2_000_000
    with torch.device("meta"):
        theirs = {stage.name: stage.module for stage in backbones.weights.LAYOUTS["vgg16"]()}
    for name, channels in mini().channels.items():
        if name.startswith("conv"):
            assert 4 * channels <= theirs[name].out_channels


@pytest.fixture(scope="module")
def maps() -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return mini().features(photographs(192), RELUS)


@pytest.mark.parametrize("layer", RELUS)
def test_every_layer_has_about_the_same_scale_and_few_silent_channels(maps, layer):
    """Its makers set the mean square of each layer to 1 on other photographs."""
    assert 0.3 < float(maps[layer].square().mean()) < 3
    spread = maps[layer].std((0, 2, 3))
    assert float((spread < 1e-3 * spread.max()).double().mean()) <= 0.1


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_the_distance_grows_with_every_distortion(kind):
    x = photographs()
    with torch.no_grad():
        found = [distance(distort(x, kind, level=level), x, network=mini()) for level in DISTORTIONS[kind].levels]
    assert (torch.stack(found).diff(dim=0) > 0).all()


@needs_vgg16
def test_distances_are_in_the_order_of_vgg16s():
    reference, distorted, _ = distorted_pairs(photographs(64))

    def measured(network: backbones.Backbone) -> torch.Tensor:
        pairs = zip(distorted.split(15), reference.split(15), strict=True)
        with torch.no_grad():
            return torch.cat([distance(a, b, network=network, layers=["relu3_3"], unit=False) for a, b in pairs])

    theirs = measured(backbones.load("vgg16", "local"))
    assert rank_agreement(measured(mini()), theirs) >= 0.985
    assert rank_agreement((distorted - reference).square().mean((1, 2, 3)), theirs) < 0.9
    assert rank_agreement(measured(mini(0)), theirs) < 0.95


@needs_vgg16
def test_a_linear_map_turns_its_features_into_vgg16s():
    least = {"relu1_2": 0.85, "relu2_2": 0.6, "relu3_3": 0.55}
    learnt = [images.photograph(name, size=192) for name in ("china", "coffee", "flower", "rocket", "grass")]
    x, y = Patches(learnt, size=64).draw(32, seed=0), photographs(128)
    with torch.no_grad():
        goal, theirs = (backbones.load("vgg16", "local").features(each, list(least)) for each in (x, y))

        def shares(network: backbones.Backbone) -> dict[str, float]:
            own, ours = (network.features(each, list(least)) for each in (x, y))
            return {k: explained_variance(linear_head(own[k], goal[k])(ours[k]), theirs[k]) for k in least}

        found, chance = shares(mini()), shares(mini(0))
    for layer, share in least.items():
        assert found[layer] >= share and chance[layer] < share - 0.2, layer
