"""The small networks inside a flow's couplings; they start at zero, so that a flow starts as a linear map."""

from __future__ import annotations

from torch import nn

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.core.seeding import seeded

ACTIVATIONS = ("leaky_relu", "relu")


def fully_connected(inputs: int, outputs: int, *, width: int, activation: str = "leaky_relu", seed: int = 0):
    """Two hidden layers of `width` between vectors `(N, inputs)` and `(N, outputs)`, the last layer zero at the start.

    `activation` is "leaky_relu" (slope 0.2) or "relu". Raises `ValueError` for settings that do not fit. Taught in
    chapter 13_generators.

    >>> import torch
    >>> fully_connected(3, 8, width=16)(torch.ones(2, 3)).shape
    torch.Size([2, 8])
    """
    return _network(nn.Linear, (inputs, width, width, outputs), ({}, {}, {}), activation, seed)


def convolutional(inputs: int, outputs: int, *, width: int, activation: str = "leaky_relu", seed: int = 0):
    """Convolutions 3 x 3, 1 x 1 and 3 x 3 from `(N, inputs, H, W)` to `(N, outputs, H, W)`, the last zero at the start.

    `activation` is "leaky_relu" (slope 0.2) or "relu". Raises `ValueError` for settings that do not fit. Source: Kingma
    & Dhariwal (2018), "Glow", section 5. Taught in chapter 13_generators.

    >>> import torch
    >>> convolutional(3, 8, width=16)(torch.ones(2, 3, 7, 7)).shape
    torch.Size([2, 8, 7, 7])
    """
    wide, point = {"kernel_size": 3, "padding": 1}, {"kernel_size": 1}
    return _network(nn.Conv2d, (inputs, width, width, outputs), (wide, point, wide), activation, seed)


def _network(kind, widths: tuple[int, ...], settings: tuple[dict, ...], activation: str, seed: int) -> nn.Sequential:
    check_choice(activation, ACTIVATIONS, name="activation")
    widths = [check_whole(width, name="a width", least=1) for width in widths]
    layers: list[nn.Module] = []
    with seeded(seed):
        for inputs, outputs, setting in zip(widths[:-1], widths[1:], settings, strict=True):
            layers += [kind(inputs, outputs, **setting), nn.ReLU() if activation == "relu" else nn.LeakyReLU(0.2)]
    nn.init.zeros_(layers[-2].weight)
    nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])
