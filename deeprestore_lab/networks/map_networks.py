"""Small networks on feature maps: a denoiser, and a classifier of windows. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images, check_whole
from deeprestore_lab.core.seeding import seeded


class MapDenoiser(nn.Module):
    r"""D(z) = z + r(z): r of `depth` convolutions of 3 x 3 with ReLUs between them, `width` channels inside.

    For standardised maps `(N, C, H, W)` of any size; zeros outside. The last convolution starts at zero, so that an
    untrained net gives z back. It is not told a level. Raises `ValueError` for settings and maps that do not fit.
    Taught in chapter 19_feature_map_priors.

    >>> z = torch.rand(1, 4, 6, 6)
    >>> bool(torch.equal(MapDenoiser(4)(z), z))
    True
    """

    def __init__(self, channels: int, *, width: int = 32, depth: int = 3, seed: int = 0) -> None:
        super().__init__()
        self.channels = check_whole(channels, name="channels", least=1)
        with seeded(seed):
            self.residual = _convolutions(self.channels, self.channels, width=width, depth=depth, stride=1)
            nn.init.zeros_(self.residual[-1].weight)
            nn.init.zeros_(self.residual[-1].bias)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z + self.residual(check_images(z, name="z", channels=self.channels))


class WindowClassifier(nn.Module):
    r"""T(z)_p: log-odds of each window of maps, `(N, C, H, W) -> (N, 1, H / 2, W / 2)`.

    `depth` convolutions of 3 x 3, `width` channels inside, softplus between them, which has no kinks that a search
    would stop at; the first has stride 2. Windows are 5 + 4 (depth - 2) positions wide. Raises `ValueError` for
    settings and maps that do not fit. Taught in chapter 19_feature_map_priors.

    >>> WindowClassifier(4)(torch.rand(2, 4, 8, 8)).shape
    torch.Size([2, 1, 4, 4])
    """

    def __init__(self, channels: int, *, width: int = 32, depth: int = 3, seed: int = 0) -> None:
        super().__init__()
        self.channels = check_whole(channels, name="channels", least=1)
        with seeded(seed):
            self.layers = _convolutions(self.channels, 1, width=width, depth=depth, stride=2)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(check_images(z, name="z", channels=self.channels))


def _convolutions(inputs: int, outputs: int, *, width: int, depth: int, stride: int) -> nn.Sequential:
    width, depth = check_whole(width, name="width", least=1), check_whole(depth, name="depth", least=2)
    sizes = [inputs, *[width] * (depth - 1), outputs]
    layers: list[nn.Module] = []
    for place, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        layers.append(nn.Conv2d(a, b, 3, stride=stride if place == 0 else 1, padding=1))
        layers.append(nn.ReLU() if stride == 1 else nn.Softplus(beta=5))
    return nn.Sequential(*layers[:-1])
