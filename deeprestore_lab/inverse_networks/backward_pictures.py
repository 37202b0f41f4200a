"""What deconvolutional networks and guided backpropagation draw: gradients with other rules at the ReLUs."""

from collections.abc import Callable

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from deeprestore_lab.backbones import Backbone
from deeprestore_lab.core.checks import check_choice, check_images, describe
from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.inverse_networks.blocks import check_backbone

RULES = ("gradient", "deconvolution", "guided")
RELUS = (torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, nn.functional.relu)


class _Ruled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, rule: str) -> torch.Tensor:
        ctx.rule = rule
        ctx.save_for_backward(x > 0)
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx, signal: torch.Tensor) -> tuple[torch.Tensor, None]:
        (passed,) = ctx.saved_tensors
        if ctx.rule != "deconvolution":  # what the ReLU held back stays back
            signal = signal * passed
        return (signal if ctx.rule == "gradient" else signal.clamp_min(0)), None


class _RuledReLUs(TorchFunctionMode):
    """Every ReLU that is called within has the rule: layers, and those inside fire modules and inceptions."""

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in RELUS:
            return _Ruled.apply(args[0], self.rule)
        return function(*args, **(kwargs or {}))


def backward_picture(
    network: Backbone, layer: str, x: torch.Tensor, *, rule: str = "guided", score: Callable | None = None
) -> torch.Tensor:
    r"""A signal sent from a layer back to the image, `(N, 3, H, W)`, by one of three rules at every ReLU on the way.

        "gradient"        s [z > 0]           backpropagation
        "deconvolution"   max(s, 0)           a deconvolutional network (Zeiler & Fergus 2014)
        "guided"          max(s, 0) [z > 0]   guided backpropagation (Springenberg et al. 2015)

    z is what the ReLU was given and s the signal; convolutions are transposed, and poolings send to where the largest
    value was (the switches). The signal starts as the gradient of `score`, a function of the map `(N, C, h, w)` to a
    sum over images, by default the largest value of each image's map. None of the three estimates the image from the
    map: they show where in *this* image, whose switches and signs they are told, the score came from. Raises
    `ValueError` for what is no backbone, another rule, layers the network does not have, a score that is no single
    number, and what is no batch of colour images or too small. Taught in chapter 17_inverse_networks.

    >>> from deeprestore_lab.backbones import load
    >>> net = load("vgg_mini", "random", seed=0)
    network: vgg_mini, random weights, seed 0
    >>> backward_picture(net, "relu2_2", torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 3, 16, 16])
    """
    check_choice(rule, RULES, name="rule"), check_backbone(network)
    network._check([layer])
    check_images(x, channels=3), check_differentiable("a backward picture")
    if not (score is None or callable(score)):
        raise ValueError(f"score must be a function of the map, got {describe(score)}")
    own = x.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        f = network._normalised(own)
        with _RuledReLUs(rule):
            for place, module in enumerate(network._modules(f)[: network.layers.index(layer) + 1]):
                f = network._run(module, f, place)
        value = f.flatten(1).amax(1).sum() if score is None else score(f)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise ValueError(f"score must give one number, the sum over images, got {describe(value)}")
        check_depends({"score": value}, [own], on="x")
        return torch.autograd.grad(value.sum(), own)[0]
