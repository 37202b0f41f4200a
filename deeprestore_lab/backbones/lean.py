"""A layer of a frozen network that keeps signs and no activations: a gradient in less memory, and J itself.

Convolutions, ReLUs and maximum pooling are linear once it is known which ReLUs are on and which place of each window
is the largest. With frozen weights a gradient needs nothing else: no layer's input. Taught in chapter
18_preimages_with_priors.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import conv2d, max_pool2d

from deeprestore_lab.backbones.backbone import Backbone
from deeprestore_lab.core.checks import check_input
from deeprestore_lab.operators.base import LinearOperator, Operator


class LeanRepresentation(Operator):
    r"""phi(x) of one layer, as `network.at(layer)` gives it, with a gradient made from masks alone.

    A ReLU keeps one byte a value (whether it is on) where autograd keeps the value, four bytes; a pooling keeps the
    place of the largest value of each window, as autograd does; a convolution keeps nothing. Values and gradients are
    those of `network.at(layer)` to rounding. There are no second derivatives by autograd: `linearised` has the Jacobian
    in their place.

    Images `(N, 3, H, W)` in [0, 1] to `(N, C, h, w)`. Raises `ValueError` for a layer that the network has not, and for
    a network with other stages before it than convolutions with zero padding, ReLUs and maximum pooling. Taught in
    chapter 18_preimages_with_priors.

    >>> from deeprestore_lab.backbones import load
    >>> network = load("vgg_mini", "embedded")
    network: vgg_mini, embedded weights (distilled by this project)
    >>> x = torch.rand(1, 3, 16, 16)
    >>> bool(torch.allclose(LeanRepresentation(network, "pool1")(x), network.at("pool1")(x), atol=1e-5))
    True
    """

    def __init__(self, network: Backbone, layer: str) -> None:
        network._check([layer])
        self.network, self.layer = network, layer
        for name, stage in zip(network.layers[: self._depth], network.module, strict=False):
            if not _plain(stage):
                raise ValueError(
                    f"{network.name} {layer} cannot be lean: {name} is {type(stage).__name__}; it takes convolutions "
                    "with zero padding, ReLUs and maximum pooling"
                )

    @property
    def _depth(self) -> int:
        return self.network.layers.index(self.layer) + 1

    @property
    def name(self) -> str:
        return f"{self.network.name} {self.layer}"

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, self.network.module, channels=3)
        if torch.is_grad_enabled() and x.requires_grad:
            return _Pass.apply(x, self)
        with torch.no_grad():
            return self._run(x)[0]

    def linearised(self, x: torch.Tensor) -> Linearisation:
        """phi at x and its Jacobian there."""
        check_input(x, self.network.module, channels=3)
        with torch.no_grad():
            return Linearisation(*self._run(x), deviation=self._deviation(x))

    def _deviation(self, x: torch.Tensor) -> torch.Tensor:
        return self.network._colours[x.device, x.dtype][1]

    def _run(self, x: torch.Tensor) -> tuple[torch.Tensor, list]:
        """phi(x), and for each stage what its transpose needs."""
        x, kept = self.network._normalised(x), []
        if x.device.type == "cpu":
            x = x.contiguous(memory_format=torch.channels_last)
        for place, stage in enumerate(self.network._modules(x)[: self._depth]):
            shape = x.shape
            if isinstance(stage, nn.ReLU):
                on = x > 0
                x = x.clamp_(min=0)  # the convolution's own output: nobody else has it
                kept.append((stage, on))
            elif isinstance(stage, nn.MaxPool2d):
                x, places = max_pool2d(x, stage.kernel_size, stage.stride, stage.padding, return_indices=True)
                kept.append((stage, (shape, places)))
            else:
                x = self.network._run(stage, x, place)
                kept.append((stage, shape))
        return x.contiguous(), kept


class Linearisation(LinearOperator):
    r"""The Jacobian J of a layer at one x: `apply` gives J v, `adjoint` gives J^T u, `value` is phi(x).

    Exact for as long as no ReLU switches and no window has another largest value. v `(N, 3, H, W)`, u as `value`
    `(N, C, h, w)`; each costs half of an evaluation with its gradient. Made by `LeanRepresentation.linearised`.
    """

    def __init__(self, value: torch.Tensor, kept: list, *, deviation: torch.Tensor) -> None:
        self.value, self.kept, self.deviation = value, kept, deviation

    @property
    def name(self) -> str:
        return "linearisation"

    def apply(self, v: torch.Tensor) -> torch.Tensor:
        v = v / self.deviation
        for stage, own in self.kept:
            if isinstance(stage, nn.ReLU):
                v = v * own
            elif isinstance(stage, nn.MaxPool2d):
                places = own[1]
                v = v.flatten(2).gather(2, places.flatten(2)).view(places.shape)
            else:
                v = conv2d(v, stage.weight, None, stage.stride, stage.padding, stage.dilation, stage.groups)
        return v.contiguous()

    def adjoint(self, u: torch.Tensor) -> torch.Tensor:
        return _transposed(u, self.kept) / self.deviation

    def signs(self) -> list[torch.Tensor]:
        """Which values each ReLU let pass, `(N, C, h, w)` bool, the first layer first."""
        return [own for stage, own in self.kept if isinstance(stage, nn.ReLU)]


class _Pass(torch.autograd.Function):
    """phi(x), with masks kept for the way back."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, phi: LeanRepresentation) -> torch.Tensor:
        value, ctx.kept = phi._run(x)
        ctx.deviation = phi._deviation(x)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, u: torch.Tensor) -> tuple[torch.Tensor, None]:
        return (_transposed(u, ctx.kept) / ctx.deviation).contiguous(), None


def _transposed(u: torch.Tensor, kept: list) -> torch.Tensor:
    """J^T u in normalised colours."""
    fresh = False  # whether u may be changed in place: the caller's may not
    for stage, own in reversed(kept):
        if isinstance(stage, nn.ReLU):
            u = u.mul_(own) if fresh else u * own
            fresh = True
        elif isinstance(stage, nn.MaxPool2d):
            u, fresh = _unpooled(u, stage, *own), True
        else:
            u, fresh = _transposed_convolution(u, stage, own), True
    return u


def _unpooled(u: torch.Tensor, stage: nn.MaxPool2d, shape: torch.Size, places: torch.Tensor) -> torch.Tensor:
    """Each value back at the place of its window that it was taken from."""
    sizes = [2 * (n,) if isinstance(n, int) else n for n in (stage.kernel_size, stage.stride, stage.padding)]
    u = u.contiguous(memory_format=_layout(u))
    return torch.ops.aten.max_pool2d_with_indices_backward(u, _nothing(u, shape), *sizes, (1, 1), False, places)


def _layout(u: torch.Tensor) -> torch.memory_format:
    return torch.channels_last if u.device.type == "cpu" else torch.contiguous_format


def _nothing(u: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """What stands for a layer's input, of which only the shape is asked: no value of it is ever read."""
    return torch.empty(shape, dtype=u.dtype, device=u.device, memory_format=_layout(u))


def _transposed_convolution(u: torch.Tensor, stage: nn.Conv2d, shape: torch.Size) -> torch.Tensor:
    """The gradient of a convolution in its input, of which only the shape is asked."""
    form = (stage.stride, stage.padding, stage.dilation, False, (0, 0), stage.groups)
    u = u.contiguous(memory_format=_layout(u))
    wanted = (True, False, False)
    return torch.ops.aten.convolution_backward(u, _nothing(u, shape), stage.weight, None, *form, wanted)[0]


def _plain(stage: nn.Module) -> bool:
    """Whether a stage is linear given masks: a convolution with zeros at the border, a ReLU, a maximum pooling."""
    if isinstance(stage, nn.Conv2d):
        return stage.padding_mode == "zeros" and not isinstance(stage.padding, str)
    if isinstance(stage, nn.MaxPool2d):
        return stage.dilation == 1 and not stage.ceil_mode
    return isinstance(stage, nn.ReLU)
