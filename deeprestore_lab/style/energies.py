"""The energies of texture, style and content, each a sum of representation errors. Taught in chapter 08_style."""

from collections.abc import Mapping, Sequence
from numbers import Real

import torch

from deeprestore_lab.backbones import Backbone
from deeprestore_lab.core.checks import check_choice, describe
from deeprestore_lab.energies import Energy, RepresentationError, Weight
from deeprestore_lab.operators import ChannelDeviation, ChannelMean, Gram, Operator, one_evaluation
from deeprestore_lab.style.presets import PRESETS, Preset

STATISTICS = ("gram", "moments")
LayerWeights = Weight | Sequence[Weight] | Mapping[str, Weight]


def texture_layers(net: Backbone) -> tuple[str, ...]:
    """The layers that describe a texture by default: the first ReLU of every stage that the weights have.

    relu1_1, relu2_1, relu3_1 and so on, as far as they go (Gatys et al. 2016). Raises `ValueError` for a network whose
    layers have no such names; name the layers then.
    """
    found = tuple(name for name in net.layers if name.startswith(("relu", "mini")) and name.endswith("_1"))
    if not found:
        raise ValueError(f"{net.name} has no layers named relu1_1, relu2_1, ...: name the layers")
    return found


def texture_energy(
    net: Backbone,
    example: torch.Tensor,
    *,
    layers: Sequence[str] | None = None,
    weights: LayerWeights | None = None,
    statistic: str = "gram",
    normalisation: str = "chw",
    normaliser: str = "target",
) -> Energy:
    r"""sum over layers of w_l ||S(phi_l(x)) - S(phi_l(example))||^2 / n_l: how far x is from having its texture.

    S is the Gram matrix ("gram", in the `normalisation` of `operators.Gram`) or the channels' means and deviations
    ("moments", one error each, half the weight each). Neither knows positions. `example` is `(1, 3, H, W)` or a batch,
    RGB in [0, 1], of any size unless `normalisation` is "none". `layers` are those of `texture_layers` by default.
    `weights`: one number, one a layer, or by layer name, each a float or `(N,)`; 1 over the number of layers by
    default. n_l: see `RepresentationError`; with "target" a layer's error is relative, so that 1 is the error of an
    image whose statistics are all zero, whatever the network. The value is `(N,)`, each layer a term.

    Raises `ValueError` for layers that the network does not have, for weights that do not fit them, and for another
    statistic. Source: Gatys et al. (2015), equation 4. Taught in chapter 08_style.

    >>> import deeprestore_lab as drl
    >>> net = drl.backbones.load("vgg_mini", "random")
    network: vgg_mini, random weights, seed 0
    >>> example = drl.images.photograph("gravel", size=32)
    >>> float(texture_energy(net, example, layers=["relu1_1", "relu2_1"])(example))
    0.0
    """
    check_choice(statistic, STATISTICS, name="statistic")
    layers = texture_layers(net) if layers is None else layers
    weights = _by_layer(layers, weights)
    operators: list[tuple[Weight, Operator]] = []
    for layer in layers:
        phi = net.at(layer)
        if statistic == "gram":
            operators.append((weights[layer], Gram(normalisation=normalisation) @ phi))
        else:
            operators += [(weights[layer] / 2, ChannelMean() @ phi), (weights[layer] / 2, ChannelDeviation() @ phi)]
    with torch.no_grad(), one_evaluation():
        targets = [operator(example) for _, operator in operators]
    return sum(
        weight * RepresentationError(operator, target, normaliser=normaliser)
        for (weight, operator), target in zip(operators, targets, strict=True)
    )


def style_energy(net: Backbone, style: torch.Tensor, *, preset: str = "gatys2016") -> Energy:
    """The style loss of a source, by the name of its preset (`PRESETS`), with its weights.

    Layers that the network's weights do not have raise `ValueError`: a loss without them is another loss. Use
    `texture_energy` to choose layers. Taught in chapter 08_style.
    """
    own = find(preset)
    if missing := [layer for layer in own.style_layers if layer not in net.layers]:
        raise ValueError(
            f"{preset} needs {', '.join(missing)}, which {net.name} with these weights ({net.weights}) does not have; "
            "texture_energy takes the layers that there are"
        )
    doubled = 2 if own.statistic == "moments" else 1  # texture_energy halves: here means and deviations count in full
    return texture_energy(
        net,
        style,
        layers=own.style_layers,
        weights=[doubled * own.layer_weight(net.channels[layer]) for layer in own.style_layers],
        statistic=own.statistic,
        normalisation=own.normalisation,
        normaliser=own.normaliser,
    )


def content_energy(
    net: Backbone, content: torch.Tensor, *, layer: str = "relu3_1", normaliser: str = "target"
) -> Energy:
    """||phi(x) - phi(content)||^2 / n at one layer: how far x is from showing the same things in the same places.

    Of x the same size as `content`, `(1, 3, H, W)` or a batch, RGB in [0, 1]. `normaliser`: see `RepresentationError`.
    Raises `ValueError` for a layer that the network does not have. Source: Gatys et al. (2016), equation 1, with their
    factor 1/2 replaced by 1/n. Taught in chapter 08_style.
    """
    phi = net.at(layer)
    with torch.no_grad():
        target = phi(content)
    return RepresentationError(phi, target, normaliser=normaliser)


def find(preset: str) -> Preset:
    """The preset of that name; `ValueError` that lists the names for another."""
    return PRESETS[check_choice(preset, tuple(PRESETS), name="preset")]


def _by_layer(layers: Sequence[str], weights: LayerWeights | None) -> dict[str, Weight]:
    """One weight a layer, by its name."""
    if isinstance(layers, str) or not layers or len(set(layers)) < len(layers):
        raise ValueError(f"layers must be a sequence of different layer names, at least one, got {layers!r}")
    if weights is None:
        weights = 1 / len(layers)
    if isinstance(weights, Real | torch.Tensor):
        return dict.fromkeys(layers, weights)
    if isinstance(weights, Mapping):
        if set(weights) != set(layers):
            raise ValueError(f"weights must name each layer once: layers {', '.join(layers)}, got {describe(weights)}")
        return dict(weights)
    if isinstance(weights, str) or not isinstance(weights, Sequence) or len(weights) != len(layers):
        raise ValueError(f"weights must be one number or one for each of {len(layers)} layers, got {describe(weights)}")
    return dict(zip(layers, weights, strict=True))
