"""A start for a search: what a trained inverse network makes of the map that is asked for.

Taught in chapter 18_preimages_with_priors.
"""

import torch

from deeprestore_lab.backbones import load
from deeprestore_lab.core.checks import check_choice, check_images
from deeprestore_lab.inverse_networks.shipped import SHAPES, inverse_network

NETWORK = "vgg_mini"


@torch.no_grad()
def warm_start(layer: str, target: torch.Tensor, *, size: tuple[int, int]) -> torch.Tensor:
    """A picture `(N, 3, H, W)` in [0, 1] with about the map `target` `(N, C, h, w)` of a layer of `vgg_mini`.

    The shipped inverse network of that layer, clipped; a layer that has none sends its map on through `vgg_mini` to
    the next one that has. `size` is (H, W). Precision and device are those of the map. Raises `ValueError` for a layer
    behind relu3_3, the last with an inverse, and for a map that has not the channels and the sides of the layer for
    pictures of that size. Taught in chapter 18_preimages_with_priors.

    >>> f = load(NETWORK, "embedded").at("relu1_1")(torch.rand(1, 3, 16, 16))
    network: vgg_mini, embedded weights (distilled by this project)
    >>> warm_start("relu1_1", f, size=(16, 16)).shape
    torch.Size([1, 3, 16, 16])
    """
    network = load(NETWORK, "embedded")
    last = max(network.layers.index(own) for own in SHAPES)
    place = network.layers.index(check_choice(layer, network.layers[: last + 1], name="layer"))
    check_images(target, name="target", channels=network.channels[layer])
    for own, module in zip(network.layers[place:], network._modules(target)[place:], strict=True):
        if own != layer:
            target = module(target)
        if own in SHAPES:
            return inverse_network(own).to(target)(target.contiguous(), size).clamp(0, 1)
    raise AssertionError("a layer with an inverse network was found above")
