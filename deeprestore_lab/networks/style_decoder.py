"""The decoder of chapter 08: from feature maps of `vgg_mini` back to a picture, trained on maps that AdaIN changed."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from deeprestore_lab.artifacts import load_weights
from deeprestore_lab.checks import check_images, check_whole

LAYER = "mini4_1"  # of vgg_mini, whose maps go in
WIDTHS = (128, 64, 32, 16)  # channels at 1/8, 1/4, 1/2 and the whole of the picture's side


class StyleDecoder(nn.Module):
    r"""Maps `(N, widths[0], h, w)` to pictures `(N, 3, 2^k h, 2^k w)` for k + 1 widths; values are not clipped.

    At each width but the first `depth` convolutions 3 x 3 with a ReLU, the first of them before the map is enlarged
    (nearest neighbours) where it is cheaper, the rest after; at the last a convolution gives the three colours.
    Borders are reflected, and nothing is normalised, since the maps' own means and deviations are the style. `seed`
    makes the start repeatable. Raises `ValueError` for settings and maps that do not fit.

    Source: Huang & Belongie (2017), section 6.1; smaller, as `vgg_mini` is. Taught in chapter 08_style.

    >>> StyleDecoder(widths=(8, 4), depth=1)(torch.rand(1, 8, 5, 6)).shape
    torch.Size([1, 3, 10, 12])
    """

    def __init__(self, *, widths: tuple[int, ...] = WIDTHS, depth: int = 2, seed: int = 0) -> None:
        super().__init__()
        self.channels = check_whole(widths[0], name="a width", least=1)
        check_whole(depth, name="depth", least=1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(check_whole(seed, name="seed", least=0))
            layers: list[nn.Module] = []
            for before, width in zip(widths[:-1], widths[1:], strict=True):
                layers += [_convolution(before, width), nn.ReLU(), nn.Upsample(scale_factor=2)]
                for _ in range(depth - 1):
                    layers += [_convolution(width, width), nn.ReLU()]
            self.layers = nn.Sequential(*layers, _convolution(widths[-1], 3))
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
            with torch.no_grad():
                self.layers[-1].weight.mul_(0.1)
                self.layers[-1].bias.fill_(0.5)

    def forward(self, f: torch.Tensor) -> torch.Tensor:
        return self.layers(check_images(f, name="f", channels=self.channels))


def adain_decoder() -> StyleDecoder:
    """The shipped decoder for the layer `LAYER` of `vgg_mini`.

    `style.restyle` uses it. The card is `artifacts.card("adain_decoder", kind="weights")`. Parameters take no
    gradients; those with respect to the maps work. Taught in chapter 08_style.

    >>> adain_decoder()(torch.rand(1, 128, 4, 4)).shape
    torch.Size([1, 3, 32, 32])
    """
    decoder = StyleDecoder()
    decoder.load_state_dict({name: tensor.float() for name, tensor in _weights().items()})
    return decoder.requires_grad_(False).eval()


@cache
def _weights() -> dict[str, torch.Tensor]:
    return load_weights("adain_decoder")


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
