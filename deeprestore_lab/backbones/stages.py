"""Networks as lists of named stages: the names are those of the literature, one for each layer's output."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn


class Stage(NamedTuple):
    """A layer by the name of its output, and where its parameters stand in a file of weights: `prefix` + their name."""

    name: str
    module: nn.Module
    prefix: str = ""


def convolution(name: str, relu: str, channels: tuple[int, int], prefix: str, *, size: int = 3, **shape) -> list[Stage]:
    """A convolution and its ReLU; "same" padding unless `shape` says otherwise."""
    shape = {"padding": size // 2} | shape
    return [Stage(name, nn.Conv2d(*channels, size, **shape), prefix), Stage(relu, nn.ReLU())]


def vgg(depths: Sequence[int], widths: Sequence[int] = (64, 128, 256, 512, 512), *, mini: bool = False) -> list[Stage]:
    """VGG's convolutions 3 x 3: `depths[i]` of them in stage i + 1, a max pooling after each stage.

    With `mini` the stages 4 and 5 are called mini4 and mini5: no VGG was their teacher.
    """
    stages, inputs, place = [], 3, 0
    for number, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
        for layer in range(1, depth + 1):
            own = f"mini{number}_{layer}" if mini and number > 3 else f"{number}_{layer}"
            names = (f"{own}_conv", own) if own.startswith("mini") else (f"conv{own}", f"relu{own}")
            stages += convolution(*names, (inputs, width), f"features.{place}.")
            inputs, place = width, place + 2
        stages.append(Stage(f"pool{number}", nn.MaxPool2d(2)))
        place += 1
    return stages


def small_vgg19(encoder: int) -> list[Stage]:
    """The small VGG19 `encoder` (1 to 5) of Wang et al. (2020): reflected borders, up to relu{encoder}_1.

    Its normalisation was learned as well: `conv0`, 1 x 1, which also puts blue first.
    """
    widths = (24,) if encoder == 1 else (16, 32, 64, 128, 128)
    stages, inputs = [Stage("conv0", nn.Conv2d(3, 3, 1), f"E{encoder}.conv0.")], 3
    for number, (depth, width) in enumerate(zip((2, 2, 4, 4, 1)[:encoder], widths, strict=False), 1):
        if number > 1:
            stages.append(Stage(f"pool{number - 1}", nn.MaxPool2d(2)))
        for layer in range(1, 2 if number == encoder else depth + 1):
            names, prefix = (f"conv{number}_{layer}", f"relu{number}_{layer}"), f"E{encoder}.conv{number}{layer}."
            stages += convolution(*names, (inputs, width), prefix, padding_mode="reflect")
            inputs = width
    return stages


def head(inputs: int, side: int, *, places: Sequence[int]) -> list[Stage]:
    """The fully connected layers of AlexNet and VGG: features averaged to side x side, 4096, 4096, 1000 values.

    `places`: where the three layers stand in torchvision's `classifier`. Each output is `(N, values, 1, 1)`.
    """
    stages, size = [], inputs * side**2
    for number, (place, values) in enumerate(zip(places, (4096, 4096, 1000), strict=True), 6):
        stages.append(Stage(f"fc{number}", FullyConnected(size, values, side=side), f"classifier.{place}."))
        if number < 8:
            stages.append(Stage(f"relu{number}", nn.ReLU()))
        size, side = values, 1
    return stages


class FullyConnected(nn.Linear):
    """A fully connected layer on a feature map, averaged to side x side: `(N, C, H, W) -> (N, values, 1, 1)`."""

    def __init__(self, inputs: int, values: int, *, side: int) -> None:
        super().__init__(inputs, values)
        self.average = nn.AdaptiveAvgPool2d(side)

    def forward(self, x):
        return super().forward(self.average(x).flatten(1))[..., None, None]


def alexnet() -> list[Stage]:
    """torchvision's AlexNet, the one-column version of Krizhevsky (2014), without response normalisation."""
    pool = {"kernel_size": 3, "stride": 2}
    return [
        *convolution("conv1", "relu1", (3, 64), "features.0.", size=11, stride=4, padding=2),
        Stage("pool1", nn.MaxPool2d(**pool)),
        *convolution("conv2", "relu2", (64, 192), "features.3.", size=5),
        Stage("pool2", nn.MaxPool2d(**pool)),
        *convolution("conv3", "relu3", (192, 384), "features.6."),
        *convolution("conv4", "relu4", (384, 256), "features.8."),
        *convolution("conv5", "relu5", (256, 256), "features.10."),
        Stage("pool5", nn.MaxPool2d(**pool)),
        *head(256, 6, places=(1, 4, 6)),
    ]
