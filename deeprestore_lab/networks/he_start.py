"""He's start of a convolution, which keeps the size of values through ReLUs.

Taught in chapter 04_denoising_autoencoders.
"""

from torch import nn


def he_start(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Normal weights of variance 2 / (inputs that meet in one output), and biases at 0, in place.

    With a stride s a transposed convolution brings a share of 1 / s^2 of its taps to each output. Source: He et al.
    (2015), section 2.2.
    """
    fan_in = layer.in_channels * layer.weight[0, 0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        fan_in /= layer.stride[0] * layer.stride[1]
    nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5)
    nn.init.zeros_(layer.bias)
