"""A pretrained network that runs as far as it is asked to, and one of its layers as a forward operator."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import nn

from deeprestore_lab.backbones.stages import Stage
from deeprestore_lab.backbones.weights import Colour
from deeprestore_lab.core.checks import check_input
from deeprestore_lab.operators.base import Operator
from deeprestore_lab.operators.one_pass import kept


class Backbone:
    """A frozen network: images `(N, 3, H, W)`, RGB in [0, 1], to feature maps by layer name.

    `name`, `weights` (which ones, in words), `layers` (those that these weights have), `module` (the layers as a
    `torch.nn.Sequential` of normalised images). Its normalisation, (x - mean) / deviation, happens inside. Made by
    `load`. It works in the precision and on the device of the image. On a CPU it runs with the channels last, which is
    faster; feature maps, and gradients of a contiguous image, are contiguous all the same. Taught in chapter
    06_architectures.
    """

    def __init__(self, name: str, stages: Sequence[Stage], *, weights: str, colour: tuple[Colour, Colour]) -> None:
        self.name, self.weights, self.colour = name, weights, colour
        self.layers = tuple(stage.name for stage in stages)
        layers = OrderedDict((stage.name, stage.module) for stage in stages)
        self.module = nn.Sequential(layers).eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self._colours: dict[tuple[torch.device, torch.dtype], list[torch.Tensor]] = {}
        self._copies = {(torch.device("cpu"), torch.float32): self.module}

    def __repr__(self) -> str:
        return f"{self.name} ({self.weights}), {self.layers[0]} to {self.layers[-1]}"

    def features(self, x: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        """The feature maps `{layer: (N, C, h, w)}` of the layers asked for, from one pass to the deepest of them.

        Raises `ValueError` for layers that these weights do not have, for what is no batch of colour images, and for
        images too small for a layer.
        """
        self._check(layers)
        check_input(x, self.module, channels=3)
        maps = kept(self, x)
        known = {} if maps is None else maps
        wanted = sorted({self.layers.index(layer) for layer in layers})
        missing = [place for place in wanted if self.layers[place] not in known]
        if missing:
            start = max((i for i in range(missing[0]) if self.layers[i] in known), default=-1)
            x = _with_own_layout(self._normalised(x)) if start < 0 else known[self.layers[start]]
            modules = self._modules(x)
            for place in range(start + 1, missing[-1] + 1):
                x = self._run(modules[place], x, place)
                if maps is not None or place in wanted:
                    known[self.layers[place]] = x
        return {layer: known[layer].contiguous() for layer in layers}

    def at(self, layer: str) -> Representation:
        """One layer as a forward operator."""
        return Representation(self, layer)

    @cached_property
    def channels(self) -> dict[str, int]:
        """How many channels each layer has."""
        return {layer: shape[0] for layer, shape in self.shapes(self.layers[-1], (224, 224)).items()}

    def shapes(self, layer: str, size: tuple[int, int]) -> dict[str, tuple[int, int, int]]:
        """(C, h, w) of each layer as far as this one for an image of `size` (height, width); no value is computed.

        Raises `ValueError` for a layer that is none and for an image too small.
        """
        self._check([layer])
        x, found = torch.empty(1, 3, *size, device="meta"), {}
        try:
            for name, module in zip(self.layers[: self.layers.index(layer) + 1], self._without_values, strict=False):
                x = module(x)
                found[name] = tuple(x.shape[1:])
        except RuntimeError as error:
            raise ValueError(f"an image of {size[0]} x {size[1]} is too small for {self.name} {layer}") from error
        return found

    @cached_property
    def _without_values(self) -> nn.Sequential:
        """The layers on torch's meta device, which knows shapes alone."""
        return copy.deepcopy(self.module).to("meta")

    def smallest(self, layer: str) -> int:
        """The smallest side of a square image for which this layer has at least one position.

        Raises `ValueError` for a layer that is none, and where 1024 pixels are too few.
        """
        self._check([layer])
        modules = self._without_values[: self.layers.index(layer) + 1]
        for side in range(1, 1025):
            try:
                modules(torch.empty(1, 3, side, side, device="meta"))
            except RuntimeError:
                continue
            return side
        raise ValueError(f"{self.name} {layer} takes no image of up to 1024 pixels")

    def _check(self, layers: Sequence[str]) -> None:
        if isinstance(layers, str) or not layers:
            raise ValueError(f"layers must be a sequence of layer names, at least one, got {layers!r}")
        if wrong := [layer for layer in layers if layer not in self.layers]:
            raise ValueError(
                f"{self.name} with these weights ({self.weights}) has no layer {wrong[0]!r}; "
                f"its layers are {', '.join(self.layers)}"
            )

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        key = (x.device, x.dtype)
        if key not in self._colours:  # kept: to bring them to a GPU waits for it, and cannot be recorded
            with torch.inference_mode(False):
                self._colours[key] = [x.new_tensor(each).reshape(1, 3, 1, 1) for each in self.colour]
        mean, deviation = self._colours[key]
        return (x - mean) / deviation

    def _modules(self, x: torch.Tensor) -> nn.Sequential:
        key = (x.device, x.dtype)
        if key not in self._copies:
            layout = torch.channels_last if x.device.type == "cpu" else torch.contiguous_format
            copied = copy.deepcopy(self.module).to(device=x.device, dtype=x.dtype)
            self._copies[key] = copied.to(memory_format=layout)
        return self._copies[key]

    def _run(self, module: nn.Module, x: torch.Tensor, place: int) -> torch.Tensor:
        try:
            return module(x)
        except RuntimeError as error:
            if min(x.shape[2:]) > 16:  # nothing to do with the size
                raise
            layer = self.layers[place]
            raise ValueError(
                f"the image is too small for {self.name} {layer}: {x.shape[2]} x {x.shape[3]} positions reach this "
                f"layer; the smallest image is {self.smallest(layer)} x {self.smallest(layer)}"
            ) from error


def _with_own_layout(x: torch.Tensor) -> torch.Tensor:
    """x, whose gradient is contiguous where x is: layers with their channels last would give theirs."""
    if x.requires_grad and x.is_contiguous():
        x.register_hook(lambda gradient: None if gradient is None else gradient.contiguous())
    return x


class Representation(Operator):
    r"""phi(x): what a layer of a network makes of an image, `(N, 3, H, W) -> (N, C, h, w)`.

    The image is RGB in [0, 1]. Several representations of one network in one energy share a single pass, as far as the
    deepest of them. Raises `ValueError` for a layer that the network's weights do not have. Taught in chapters
    07_feature_losses and 09_preimages.
    """

    def __init__(self, network: Backbone, layer: str) -> None:
        network._check([layer])
        self.network, self.layer = network, layer

    @property
    def name(self) -> str:
        return f"{self.network.name} {self.layer}"

    @property
    def channels(self) -> int:
        """How many channels the layer has."""
        return self.network.channels[self.layer]

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return self.network.features(x, [self.layer])[self.layer]
