"""The decoder of chapter 08: from feature maps of `vgg_mini` back to a picture, trained on maps that AdaIN changed."""

from collections.abc import Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images, check_whole
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.trained import trained

LAYER = "relu2_2"  # of vgg_mini, whose maps go in
WIDTHS = (32, 16)  # channels at half of the picture's side and at the whole
DEPTHS = (5, 2)  # convolutions there


class StyleDecoder(nn.Module):
    r"""Maps `(N, widths[0], h, w)` to pictures `(N, 3, 2^k h, 2^k w)` for k + 1 widths; values are not clipped.

    At each width `depths` has as many convolutions 3 x 3, a ReLU after each; the last of them gives the channels of the
    next width, then the map is enlarged by two (nearest neighbours). The very last gives the colours, without a ReLU.
    Borders are reflected, and nothing is normalised, since the maps' own means and deviations are the style. `seed`
    makes the start repeatable. Raises `ValueError` for settings and maps that do not fit.

    Source: Huang & Belongie (2017), section 6.1; smaller, as `vgg_mini` is. Differs from the source in the layer that
    it decodes, theirs being relu4_1: a shallow one keeps what the picture shows, a deep one paints coarser strokes.
    Taught in chapter 08_style.

    >>> StyleDecoder(widths=(8, 4), depths=(1, 1))(torch.rand(1, 8, 5, 6)).shape
    torch.Size([1, 3, 10, 12])
    """

    def __init__(self, *, widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS, seed: int = 0) -> None:
        super().__init__()
        if len(widths) != len(depths) or not widths:
            raise ValueError(f"depths must be as many as widths, at least one, got {depths!r} and {widths!r}")
        for values, name in ((widths, "a width"), (depths, "a depth")):
            for value in values:
                check_whole(value, name=name, least=1)
        self.channels = widths[0]
        with seeded(seed):
            layers: list[nn.Module] = []
            for width, depth, following in zip(widths, depths, (*widths[1:], 3), strict=True):
                for _ in range(depth - 1):
                    layers += [_convolution(width, width), nn.ReLU()]
                layers += [_convolution(width, following), nn.ReLU(), nn.Upsample(scale_factor=2)]
            self.layers = nn.Sequential(*layers[:-2])
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
            with torch.no_grad():
                self.layers[-1].weight.mul_(0.1)
                self.layers[-1].bias.fill_(0.5)

    def forward(self, f: torch.Tensor) -> torch.Tensor:
        check_images(f, name="f", channels=self.channels)
        return self.layers(check_together(f, self, names=("f", "the decoder")))


def adain_decoder() -> StyleDecoder:
    """The shipped decoder for the layer `LAYER` of `vgg_mini`.

    `style.restyle` uses it. The card is `artifacts.card("adain_decoder", kind="weights")`. Parameters take no
    gradients; those with respect to the maps work. Taught in chapter 08_style.

    >>> adain_decoder()(torch.rand(1, 32, 8, 8)).shape
    torch.Size([1, 3, 16, 16])
    """
    return trained(StyleDecoder(), "adain_decoder")


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
