"""A network with weights: those that are at hand, or those asked for by name; random ones only when asked for."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import nn

from deeprestore_lab.backbones.backbone import Backbone, Representation
from deeprestore_lab.backbones.stages import Stage
from deeprestore_lab.backbones.weights import (
    IMAGENET,
    LAYOUTS,
    TIERS,
    WEIGHTS,
    at_hand,
    check_layers,
    check_network,
    how_to_get,
    layer_names,
    reaches,
    read,
)
from deeprestore_lab.core.checks import check_choice, check_seed
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.data import DataError


def load(
    network: str,
    weights: str | None = None,
    *,
    layers: Sequence[str] = (),
    seed: int = 0,
    allow_download: bool | None = None,
) -> Backbone:
    """A pretrained network by name. One printed line says which weights it has.

    `weights`: "local" (the folder named by DEEPRESTORE_DATA), "torchvision" (downloaded where that is allowed),
    "embedded" (shipped with this package), or None for the first of them that is at hand and has the `layers`.
    "random" gives He's start from `seed`, for comparisons; it is never used unless asked for. A network is kept once
    loaded. Raises `ValueError` for an unknown name and for layers that the network or these weights lack; `DataError`
    where no weights are at hand (the message says how to get them) and where a file is damaged or does not fit. Taught
    in chapter 06_architectures.

    >>> load("vgg_mini", "random").features(torch.zeros(1, 3, 32, 32), ["relu3_1"])["relu3_1"].shape
    network: vgg_mini, random weights, seed 0
    torch.Size([1, 64, 8, 8])
    """
    check_network(network)
    layers = check_layers(network, layers) if layers else ()
    if weights is None:
        weights = _first_tier(network, layers, allow_download)
        if weights is None:
            asked = f" with {', '.join(layers)}" if layers else ""
            raise DataError(f"no weights of {network}{asked} are at hand: {how_to_get(network, layers)}")
    elif weights != "random":
        check_choice(weights, (*WEIGHTS[network], "random"), name=f"the weights of {network}")
        if not reaches(network, weights, layers) or not at_hand(network, weights, allow_download=allow_download):
            asked = f" with {', '.join(layers)}" if layers else ""
            raise DataError(f"{weights} weights of {network}{asked} are not at hand: {how_to_get(network, layers)}")
    if weights != "random":
        return _loaded(network, weights, None, True)
    deepest = max((layer_names(network).index(layer) for layer in layers), default=0)
    return _loaded(network, weights, check_seed(seed), deepest >= len(_without_head(network)))


def representation(
    network: str, layer: str, *, weights: str | None = None, seed: int = 0, allow_download: bool | None = None
) -> Representation:
    """One layer of a pretrained network as a forward operator; see `load` for the arguments and errors.

    >>> representation("vgg_mini", "relu2_2", weights="random")(torch.zeros(1, 3, 32, 32)).shape
    network: vgg_mini, random weights, seed 0
    torch.Size([1, 32, 16, 16])
    """
    return load(network, weights, layers=[layer], seed=seed, allow_download=allow_download).at(layer)


def first_at_hand(networks: Sequence[str] = ("vgg16", "vgg_mini"), *, layers: Sequence[str]) -> Backbone:
    """The first of the networks that has the layers and whose weights are at hand; one printed line says which.

    Raises `ValueError` for unknown networks or layers, `DataError` where there is none.
    """
    if isinstance(networks, str) or not networks:
        raise ValueError(f"networks must be a sequence of names, at least one, got {networks!r}")
    for network in networks:
        check_layers(check_network(network), layers)
    for network in networks:
        if _first_tier(network, layers, None):
            return load(network, layers=layers)
    raise DataError("; ".join(f"{network}: {how_to_get(network, layers)}" for network in networks))


def _first_tier(network: str, layers: Sequence[str], allow_download: bool | None) -> str | None:
    offered = [tier for tier in TIERS if tier in WEIGHTS[network] and reaches(network, tier, layers)]
    return next((tier for tier in offered if at_hand(network, tier, allow_download=allow_download)), None)


def _without_head(network: str) -> tuple[str, ...]:
    names = layer_names(network)
    return names[: names.index("fc6")] if "fc6" in names else names


@cache
def _loaded(network: str, weights: str, seed: int | None, with_head: bool) -> Backbone:
    with torch.device("meta"):  # what is not used is never allocated
        stages = LAYOUTS[network]()
    if not with_head:  # nine tenths of VGG's weights
        stages = stages[: len(_without_head(network))]
    if weights == "random":
        _start(stages, seed)
        words, colour = f"random weights, seed {seed}", IMAGENET
    else:
        own = WEIGHTS[network][weights]
        names = [stage.name for stage in stages]
        stages = stages[: names.index(own.last) + 1]
        _fill(network, stages, read(network, weights))
        words, colour = f"{weights} weights ({own.note})", own.colour
    print(f"network: {network}, {words}")
    return Backbone(network, stages, weights=words, colour=colour)


def _fill(network: str, stages: list[Stage], found: dict[str, torch.Tensor]) -> None:
    for stage in stages:
        own = {name: found.get(stage.prefix + name) for name in stage.module.state_dict()}
        for name, parameter in stage.module.state_dict().items():
            if own[name] is None or own[name].shape != parameter.shape or not torch.isfinite(own[name]).all():
                got = "nothing" if own[name] is None else f"a tensor {tuple(own[name].shape)}, or values not finite"
                raise DataError(
                    f"the weights do not fit {network} {stage.name}: {stage.prefix}{name} should be a finite tensor "
                    f"{tuple(parameter.shape)}, the file has {got}"
                )
        stage.module.load_state_dict(own, assign=True)


def _start(stages: list[Stage], seed: int) -> None:
    """Normal weights of variance 2 / fan-in (He et al. 2015), biases at 0."""
    with seeded(seed):
        for stage in stages:
            stage.module.to_empty(device="cpu")
            for layer in stage.module.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
