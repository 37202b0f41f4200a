"""Where a backbone is cut into blocks, each of which gets an inverse module."""

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import nn

from deeprestore_lab.backbones import Backbone
from deeprestore_lab.core.checks import check_pair, describe

IMAGE = "image"
_NOMINAL = 224  # the image whose sides give the strides


class Block(NamedTuple):
    """What a module undoes: from the map `layer` back to the map `target`, an earlier layer or the image."""

    layer: str
    target: str
    channels: tuple[int, int]  # of the layer, of the target
    stride: int


def blocks(network: Backbone, layer: str, *, cuts: Collection[str] | None = None) -> tuple[Block, ...]:
    r"""The blocks from `layer` down to the image, the deepest first.

    Without `cuts` a block is a pooling, a response normalisation, or a run of convolutions with their ReLUs between
    two of those. `cuts` names the layers to cut behind instead, in any order; `layer` itself is always one. The stride
    is the ratio of the sides, to the nearest whole number. Raises `ValueError` for layers that the network's weights
    do not have, layers behind `layer`, and layers without positions, such as the fully connected ones. Taught in
    chapter 17_inverse_networks.

    >>> from deeprestore_lab.backbones import load
    >>> net = load("vgg_mini", "random", seed=0)
    network: vgg_mini, random weights, seed 0
    >>> [(b.layer, b.target, b.stride) for b in blocks(net, "pool2")][:2]
    [('pool2', 'relu2_2', 2), ('relu2_2', 'pool1', 1)]
    """
    names = check_backbone(network).layers
    if isinstance(cuts, str) or not isinstance(cuts, Collection | None):
        raise ValueError(f"cuts must be a list of layer names, got {describe(cuts)}")
    network._check([layer, *(cuts or ())])
    last = names.index(layer)
    if cuts is None:
        kinds = [_kind(module) for module in network.module[: last + 1]]
        pairs = zip(kinds, kinds[1:], strict=False)
        ends = [i for i, (own, following) in enumerate(pairs) if following != "convolutions" or own != "convolutions"]
    else:
        ends = sorted({names.index(cut) for cut in cuts} - {last})
        if ends and ends[-1] > last:
            raise ValueError(f"cuts must lie before the layer {layer!r}, got {names[ends[-1]]!r}")
    order = [IMAGE, *(names[end] for end in ends), layer]
    shapes = {IMAGE: (3, _NOMINAL, _NOMINAL), **network.shapes(layer, (_NOMINAL, _NOMINAL))}
    if 1 in shapes[layer][1:]:
        raise ValueError(f"{network.name} {layer} has no positions that could be enlarged again")
    return tuple(
        Block(own, target, (shapes[own][0], shapes[target][0]), max(1, round(shapes[target][1] / shapes[own][1])))
        for target, own in zip(order[-2::-1], order[:0:-1], strict=True)
    )


def check_backbone(network: Backbone) -> Backbone:
    """Return `network` if it is a backbone, else raise `ValueError`."""
    if not isinstance(network, Backbone):
        raise ValueError(f"network must be a `Backbone`, got {describe(network)}")
    return network


def fitted(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The map cut at its lower right, or continued there by its last values, to `size`.

    Raises `ValueError` for a size that is no (height, width).
    """
    if x.shape[2:] == size:
        return x
    size = check_pair(size, name="size")
    x = x[..., : size[0], : size[1]]
    missing = (0, size[1] - x.shape[3], 0, size[0] - x.shape[2])
    return nn.functional.pad(x, missing, mode="replicate") if any(missing) else x


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d):
        return "pooling"
    return "normalisation" if isinstance(module, nn.LocalResponseNorm) else "convolutions"
