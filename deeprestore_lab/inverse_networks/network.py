"""Inverse modules in a row: from the map of a layer back to an image."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from deeprestore_lab.backbones import Backbone
from deeprestore_lab.core.checks import check_images, check_pair, check_positive, check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.inverse_networks.blocks import IMAGE, blocks
from deeprestore_lab.inverse_networks.module import InverseModule

Maps = Mapping[str, torch.Tensor]
GREY, CONTRAST = 0.5, 0.25  # an image leaves its module as (x - GREY) / CONTRAST
QUIET = 0.1  # of the usual start, for the very last convolution: training begins near grey


class InverseNetwork(nn.Module):
    r"""A module for each block of a backbone: f = phi(x), `(N, C, h, w)`, to an image `(N, 3, H, W)`.

        x = m_1( ... m_K(f)),   m_k a map of layer k to one of layer k - 1, layer 0 the image

    Works for every backbone and every layer with positions; `cuts`, `kind`, `depth` and `width` (times a module's
    channels in, at least 8) are those of `blocks` and `InverseModule`. Between modules maps are in units of each
    layer's root mean square, `scales`, which `calibrate` sets from maps of photographs, so that losses at different
    layers can be added. Training begins near a grey image and with maps of `start` times the usual size; with 1 the
    chain begins with large errors, and losses at every module are slow to fall. Not clipped to [0, 1]. Without `size`
    the image has as many times the map's sides as the strides multiply to. Raises `ValueError` for settings and maps
    that do not fit. Taught in chapter 17_inverse_networks.

    Source: after Dosovitskiy & Brox (2016), who train one network for a layer; here it is made of modules.

    >>> from deeprestore_lab.backbones import load
    >>> net = load("vgg_mini", "random", seed=0)
    network: vgg_mini, random weights, seed 0
    >>> inverse = InverseNetwork(net, "pool2")
    >>> len(inverse.steps), inverse(net.at("pool2")(torch.rand(1, 3, 16, 24))).shape
    (4, torch.Size([1, 3, 16, 24]))
    """

    def __init__(
        self,
        network: Backbone,
        layer: str,
        *,
        cuts: Sequence[str] | None = None,
        kind: str = "nearest",
        depth: int = 2,
        width: float = 1.0,
        start: float = QUIET,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive(start, name="start", single=True), check_positive(width, name="width", single=True)
        seed = check_seed(seed)
        self.backbone, self.layer = network, layer
        self.blocks = blocks(network, layer, cuts=cuts)
        self._sizes: dict[tuple[int, int], dict[str, tuple[int, int]]] = {}  # of the maps, by the image's
        self.steps = nn.ModuleList(
            InverseModule(
                *block.channels,
                stride=block.stride,
                kind=kind,
                depth=depth,
                width=max(8, round(width * block.channels[0])),
                seed=1000 * seed + place,
            )
            for place, block in enumerate(self.blocks)
        )
        with torch.no_grad():
            for step in self.steps:
                step.layers[-1].weight.mul_(QUIET if step is self.steps[-1] else start)
        self.register_buffer("scales", torch.ones(len(self.blocks)))

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose maps go into a module, the deepest first."""
        return tuple(block.layer for block in self.blocks)

    @torch.no_grad()
    def calibrate(self, maps: Maps) -> "InverseNetwork":
        """Set the unit of each layer to the root mean square of these maps; gives the network back.

        Raises `ValueError` for a map of zeros, which has no unit, and where the maps of a layer are missing.
        """
        self.check_maps(maps)
        units = [float(maps[layer].square().mean().sqrt()) for layer in self.layers]
        for place, (unit, layer) in enumerate(zip(units, self.layers, strict=True)):
            self.scales[place] = check_positive(unit, name=f"the root mean square of the maps of {layer}", single=True)
        return self

    def check_maps(self, maps: Maps, *names: str) -> Maps:
        """Return `maps` if those of every layer are there, and `names` too, else raise `ValueError`.

        Each must be a batch with the channels of its layer, as many in all of them.
        """
        wanted = (*names, *self.layers)
        if not isinstance(maps, Mapping) or any(name not in maps for name in wanted):
            held = ", ".join(map(str, maps)) if isinstance(maps, Mapping) else describe(maps)
            raise ValueError(f"maps must hold {', '.join(wanted)}, got {held or 'none'}")
        channels = {IMAGE: 3, **{block.layer: block.channels[0] for block in self.blocks}}
        counts = {
            name: len(check_images(maps[name], name=f"maps[{name!r}]", channels=channels[name])) for name in wanted
        }
        if len(set(counts.values())) > 1:
            raise ValueError(f"maps must be of the same images, got {counts} of them")
        return maps

    def scaled(self, maps: Maps) -> dict[str, torch.Tensor]:
        """Maps of the network's layers, and the image where it is there, in the units of the modules."""
        found = {layer: maps[layer] / unit for layer, unit in zip(self.layers, self.scales, strict=True)}
        return found | ({IMAGE: (maps[IMAGE] - GREY) / CONTRAST} if IMAGE in maps else {})

    def step(self, place: int, f: torch.Tensor, sizes: Mapping[str, tuple[int, int]]) -> torch.Tensor:
        """One module on a map, both in the units of the modules."""
        return self.steps[place](f, sizes[self.blocks[place].target])

    def sizes(self, f: torch.Tensor, size: tuple[int, int] | None = None) -> dict[str, tuple[int, int]]:
        """Sides of the maps of every layer on the way to an image of `size`.

        Raises `ValueError` for a size that is no pair of whole numbers.
        """
        if size is None:
            factor = 1
            for block in self.blocks:
                factor *= block.stride
            size = tuple(factor * side for side in f.shape[2:])
        size = check_pair(size, name="size")
        if size not in self._sizes:
            shapes = self.backbone.shapes(self.layer, size)
            self._sizes[size] = {IMAGE: size, **{layer: shapes[layer][1:] for layer in self.layers}}
        return self._sizes[size]

    def chain(self, f: torch.Tensor, size: tuple[int, int] | None = None, *, first: int = 0) -> dict[str, torch.Tensor]:
        """What each module from the place `first` on gives, by the name of its target, for the map f it is given.

        f and the results are in their own units. With `first` above 0 f is the map of that module's layer. Raises
        `ValueError` for a map that an image of `size` does not have there.
        """
        check_whole(first, name="first", least=0, most=len(self.blocks) - 1)
        check_images(f, name="f", channels=self.blocks[first].channels[0])
        f = check_together(f, self, names=("f", "the inverse network"))
        if size is None and first:
            raise ValueError("size must be given where modules are left out")
        sizes, found, own = self.sizes(f, size), {}, f / self.scales[first]
        layer = self.blocks[first].layer
        if size is not None and sizes[layer] != tuple(f.shape[2:]):
            raise ValueError(
                f"images of {sizes[IMAGE]} have maps of {sizes[layer]} at {layer}, but f has {tuple(f.shape[2:])}"
            )
        for place in range(first, len(self.blocks)):
            own = self.step(place, own, sizes)
            last = place + 1 == len(self.blocks)
            found[self.blocks[place].target] = GREY + CONTRAST * own if last else own * self.scales[place + 1]
        return found

    def forward(self, f: torch.Tensor, size: tuple[int, int] | None = None) -> torch.Tensor:
        return self.chain(f, size)[IMAGE]


def check_inverse(inverse: InverseNetwork) -> InverseNetwork:
    """Return `inverse` if it is an inverse network, else raise `ValueError`."""
    if not isinstance(inverse, InverseNetwork):
        raise ValueError(f"inverse must be an `InverseNetwork`, got {describe(inverse)}")
    return inverse
