"""Flows ready to train: of vectors, and of small images in Glow's form."""

from collections.abc import Callable

from torch import nn

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.generators.flow import FirstHalf, Flow
from deeprestore_lab.generators.glow import ActNorm, AffineCoupling, LinearMixing
from deeprestore_lab.generators.invertible import Invertible, LogitMap, Squeeze

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


def vector_flow(
    dimensions: int, *, depth: int = 8, width: int = 64, activation: str = "leaky_relu", seed: int = 0
) -> Flow:
    r"""`depth` times (ActNorm, LinearMixing, AffineCoupling) on vectors `(N, dimensions)`: points, or codes.

    The couplings hold `fully_connected` networks of `width`. Before training call `initialise` with a batch. Units are
    those of the vectors. Raises `ValueError` for settings that do not fit, and for fewer than 2 dimensions. Source:
    Kingma & Dhariwal (2018), "Glow". Taught in chapter 13_generators.

    >>> import torch
    >>> vector_flow(2, depth=2).log_density(torch.zeros(3, 2)).shape
    torch.Size([3])
    """

    def network(inputs: int, outputs: int, place: int) -> nn.Module:
        return fully_connected(inputs, outputs, width=width, activation=activation, seed=seed + place)

    return Flow(_steps(check_whole(dimensions, name="dimensions", least=2), network, depth, seed), shape=(dimensions,))


def image_flow(
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    levels: int = 2,
    depth: int = 8,
    width: int = 64,
    squeezes: int = 1,
    activation: str = "leaky_relu",
    seed: int = 0,
) -> Flow:
    r"""Glow for images in [0, 1]: LogitMap, then `levels` times (Squeeze, `depth` steps, half of the channels leave).

    A step is ActNorm, LinearMixing (the 1 x 1 convolution) and an AffineCoupling with a `convolutional` network of
    `width`. Images `(N, *shape)` go to z `(N, C H W)`, or to `(N, 4 C, H/2, W/2)` with one level. Train it on
    `dequantised` images. The preset for 28 x 28 has 0.15 million parameters; the auto-encoder with layers of 256 and
    128 and 10 codes has 0.47 million.

    `squeezes` is how often the first level squeezes, 1 in the source. With 2 a digit is 7 x 7 places of 16 channels and
    a coupling's network sees 20 x 20 pixels, so that few steps reach from one end of a stroke to the other, and a step
    of the same cost has four times the parameters.

    Raises `ValueError` for settings that do not fit, and sides that so many halvings do not divide. Source: Kingma &
    Dhariwal (2018), "Glow", figure 2. Taught in chapter 13_generators.

    >>> import torch
    >>> image_flow((1, 8, 8), depth=1, width=8).log_density(torch.rand(3, 1, 8, 8)).shape
    torch.Size([3])
    """
    channels, height, width_of_image = (check_whole(n, name="a side of shape", least=1) for n in shape)
    levels, squeezes = check_whole(levels, name="levels", least=1), check_whole(squeezes, name="squeezes", least=1)
    halvings = levels + squeezes - 1
    if height % 2**halvings or width_of_image % 2**halvings:
        raise ValueError(f"sides of {height} x {width_of_image} cannot be halved {halvings} times")

    def network(inputs: int, outputs: int, place: int) -> nn.Module:
        return convolutional(inputs, outputs, width=width, activation=activation, seed=seed + place)

    def level(size: tuple[int, int, int], left: int) -> list[Invertible]:
        times = squeezes if left == levels else 1
        C, H, W = 4**times * size[0], size[1] // 2**times, size[2] // 2**times
        layers = [*(Squeeze() for _ in range(times)), *_steps(C, network, depth, seed + 1000 * left)]
        if left > 1:
            inner = (C // 2, H, W)
            layers.append(FirstHalf(Flow(level(inner, left - 1), shape=inner)))
        return layers

    return Flow([LogitMap(), *level((channels, height, width_of_image), levels)], shape=tuple(shape))


def _steps(channels: int, network: Callable[[int, int, int], nn.Module], depth: int, seed: int) -> list[Invertible]:
    layers: list[Invertible] = []
    first = channels // 2
    for place in range(check_whole(depth, name="depth", least=1)):
        coupling = AffineCoupling(channels, network(first, 2 * (channels - first), place))
        layers += [ActNorm(channels), LinearMixing(channels, seed=seed + place), coupling]
    return layers
