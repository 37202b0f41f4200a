"""SqueezeNet and GoogLeNet as named stages: networks whose blocks branch and are joined again."""

import torch
from torch import nn

from deeprestore_lab.backbones.stages import Stage, convolution


class Fire(nn.Module):
    """One narrow convolution, then two side by side (Iandola et al. 2016, figure 1), with the names of torchvision's.

    Its own, since `import torchvision` takes longer than `import torch`.
    """

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze, self.squeeze_activation = nn.Conv2d(inputs, squeeze, 1), nn.ReLU(inplace=True)
        self.expand1x1, self.expand1x1_activation = nn.Conv2d(squeeze, expand, 1), nn.ReLU(inplace=True)
        self.expand3x3, self.expand3x3_activation = nn.Conv2d(squeeze, expand, 3, padding=1), nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat(
            [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1
        )


def squeezenet() -> list[Stage]:
    """SqueezeNet 1.1 (Iandola et al. 2016): fire modules, no fully connected layer; `pool10` holds the class scores."""
    widths = {2: (64, 16, 64), 3: (128, 16, 64), 4: (128, 32, 128), 5: (256, 32, 128)}
    widths |= {6: (256, 48, 192), 7: (384, 48, 192), 8: (384, 64, 256), 9: (512, 64, 256)}
    pool = {"kernel_size": 3, "stride": 2, "ceil_mode": True}
    stages = convolution("conv1", "relu1", (3, 64), "features.0.", stride=2, padding=0)
    stages.append(Stage("pool1", nn.MaxPool2d(**pool)))
    place = 3
    for number, (inputs, squeeze, expand) in widths.items():
        stages.append(Stage(f"fire{number}", Fire(inputs, squeeze, expand), f"features.{place}."))
        place += 1
        if number in (3, 5):
            stages.append(Stage(f"pool{number}", nn.MaxPool2d(**pool)))
            place += 1
    stages += convolution("conv10", "relu10", (512, 1000), "classifier.1.", size=1)
    return [*stages, Stage("pool10", nn.AdaptiveAvgPool2d(1))]


class Inception(nn.Module):
    """Four branches side by side (Szegedy et al. 2015, figure 2b), each convolution with its ReLU."""

    def __init__(self, inputs: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> None:
        super().__init__()
        self.add_module("1x1", nn.Conv2d(inputs, one, 1))
        self.add_module("3x3_reduce", nn.Conv2d(inputs, three[0], 1))
        self.add_module("3x3", nn.Conv2d(*three, 3, padding=1))
        self.add_module("5x5_reduce", nn.Conv2d(inputs, five[0], 1))
        self.add_module("5x5", nn.Conv2d(*five, 5, padding=2))
        self.add_module("pool_proj", nn.Conv2d(inputs, pool, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def layer(name: str, x: torch.Tensor) -> torch.Tensor:
            return self.get_submodule(name)(x).relu()

        pooled = nn.functional.max_pool2d(x, 3, stride=1, padding=1)
        three, five = layer("3x3", layer("3x3_reduce", x)), layer("5x5", layer("5x5_reduce", x))
        return torch.cat([layer("1x1", x), three, five, layer("pool_proj", pooled)], 1)


def googlenet() -> list[Stage]:
    """GoogLeNet as Caffe has it (Szegedy et al. 2015): response normalisation, no batch normalisation; to `loss3`."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    def normalisation() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

    stages = convolution("conv1", "relu1", (3, 64), "conv1_7x7_s2.", size=7, stride=2)
    stages += [Stage("pool1", pool()), Stage("norm1", normalisation())]
    stages += convolution("conv2_reduce", "relu2_reduce", (64, 64), "conv2_3x3_reduce.", size=1)
    stages += convolution("conv2", "relu2", (64, 192), "conv2_3x3.")
    stages += [Stage("norm2", normalisation()), Stage("pool2", pool())]
    blocks = {
        "3a": (192, 64, (96, 128), (16, 32), 32),
        "3b": (256, 128, (128, 192), (32, 96), 64),
        "4a": (480, 192, (96, 208), (16, 48), 64),
        "4b": (512, 160, (112, 224), (24, 64), 64),
        "4c": (512, 128, (128, 256), (24, 64), 64),
        "4d": (512, 112, (144, 288), (32, 64), 64),
        "4e": (528, 256, (160, 320), (32, 128), 128),
        "5a": (832, 256, (160, 320), (32, 128), 128),
        "5b": (832, 384, (192, 384), (48, 128), 128),
    }
    for name, widths in blocks.items():
        stages.append(Stage(f"inception_{name}", Inception(*widths), f"inception_{name}_"))
        if name in ("3b", "4e"):
            stages.append(Stage(f"pool{name[0]}", pool()))
    stages.append(Stage("pool5", nn.AdaptiveAvgPool2d(1)))
    return [*stages, Stage("loss3", nn.Conv2d(1024, 1000, 1), "loss3_classifier.")]
