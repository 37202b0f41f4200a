"""A denoiser that is told the level of the noise: a small U-Net of residual blocks, without biases."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.core.checks import check_input, check_level, check_whole, per_image
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.trained import trained

WIDTHS = (64, 96)


class DenoisingUNet(nn.Module):
    r"""D(y, sigma) = y + r(y, sigma): r a U-Net that sees y `(N, C, H, W)` and a map that is sigma everywhere.

    The four pixels of each 2 x 2 block become channels first, so that all layers work at half the size, and pixels
    again at the end. At each scale a residual block on the way down and one on the way up; a 2 x 2 convolution with
    stride 2 leads to the next scale, a transposed one of the same kind back, where the map that was there is added (the
    skip). The last scale has one block. `widths` are the channels, the finest scale first. The last convolution starts
    at zero: an untrained net returns y.

    No layer has a bias, and ReLU keeps positive factors, so D(c y, c sigma) = c D(y, sigma) for every c > 0. sigma is
    the standard deviation of the noise in the units of y, a float or `(N,)`. Sides that 2^scales does not divide are
    continued by their last pixels and cut again. Nothing is clipped. Raises `ValueError` for settings, images or levels
    that do not fit.

    Source: the design of DRUNet (Zhang et al. 2021), a ninetieth of its size; pixels as channels after FFDNet (Zhang et
    al. 2018); no biases also after Mohan et al. (2020). Taught in chapter 04_denoising_autoencoders.

    >>> y = torch.rand(1, 3, 16, 18)
    >>> bool(torch.equal(DenoisingUNet()(y, 0.1), y))
    True
    """

    def __init__(self, *, channels: int = 3, widths: Sequence[int] = WIDTHS, seed: int = 0) -> None:
        super().__init__()
        self.channels = check_whole(channels, name="channels", least=1)
        widths = [check_whole(width, name="a width", least=1) for width in widths]
        pairs = list(zip(widths, widths[1:], strict=False))
        with seeded(seed):
            self.head = _convolution(4 * channels + 1, widths[0])
            self.before = nn.ModuleList(_Block(width) for width in widths)
            self.down = nn.ModuleList(_convolution(a, b, kernel=2) for a, b in pairs)
            self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2, bias=False) for a, b in pairs)
            self.after = nn.ModuleList(_Block(width) for width in widths[:-1])
            self.last = _convolution(widths[0], 4 * channels)
            nn.init.zeros_(self.last.weight)

    def forward(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        check_together(check_input(y, self, name="y", channels=self.channels), self, names=("y", "the network"))
        level = per_image(check_level(sigma, zero=True), y)
        height, width = y.shape[-2:]
        every = 2 ** (len(self.down) + 1)
        padded = functional.pad(y, (0, -width % every, 0, -height % every), mode="replicate")
        return y + self.residual(padded, level)[..., :height, :width].to(y.dtype)

    def residual(self, y: torch.Tensor, level: float | torch.Tensor) -> torch.Tensor:
        """r(y, sigma) for sides that 2^scales divides, `level` a float or `(N, 1, 1, 1)`; nothing is checked."""
        h = functional.pixel_unshuffle(y, 2)
        h = torch.cat([h, torch.ones_like(h[:, :1]) * level], 1)
        h = self.head(h)
        kept = []
        for block, down in zip(self.before, self.down, strict=False):
            kept.append(block(h))
            h = down(kept[-1])
        h = self.before[-1](h)
        for i in reversed(range(len(self.up))):
            h = self.after[i](self.up[i](h) + kept[i])
        return functional.pixel_shuffle(self.last(h), 2)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(_convolution(width, width), nn.ReLU(), _convolution(width, width))
        with torch.no_grad():
            self.layers[-1].weight.mul_(0.3)  # blocks add to each other; each begins small

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return h + self.layers(h)


def _convolution(inputs: int, outputs: int, *, kernel: int = 3) -> nn.Conv2d:
    """3 x 3 with a border of zeros, or 2 x 2 with stride 2."""
    stride, padding = (1, 1) if kernel == 3 else (kernel, 0)
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer


def trained_denoiser() -> DenoisingUNet:
    r"""The shipped `DenoisingUNet`: colour images `(N, 3, H, W)` in [0, 1], noise of sigma from 0 to 75/255.

    Trained by E ||D(x + sigma n, sigma) - x||^2, so D(y, sigma) approximates the mean of x given y, and (Tweedie)
    (D(y, sigma) - y) / sigma^2 the gradient of the log-density of noisy images. The card is
    `artifacts.card("denoising_unet", kind="weights")`. Parameters take no gradients; those with respect to y work.
    Taught in chapter 04_denoising_autoencoders.

    >>> trained_denoiser()(torch.rand(1, 3, 16, 16), 0.1).shape
    torch.Size([1, 3, 16, 16])
    """
    return trained(DenoisingUNet(), "denoising_unet")
