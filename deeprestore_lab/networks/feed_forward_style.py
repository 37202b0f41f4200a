"""The feed-forward style net of chapter 08: one pass instead of an optimisation, for one style."""

import torch
from torch import nn
from torch.nn.functional import pad

from deeprestore_lab.core.checks import check_input, check_whole
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.trained import trained

ARCHITECTURE = {"width": 16, "blocks": 4}
STYLE = {"name": "mosaic", "size": 256, "seed": 0}  # the picture it learned to paint like: images.pattern(**STYLE)


class FeedForwardStyle(nn.Module):
    r"""x -> x in a style, for images `(N, 3, H, W)`, RGB in [0, 1], both sides at least 16; the same shape comes out.

    Convolutions of `width` (7 x 7), 2 width and 4 width channels (3 x 3, stride 2 each), `blocks` residual blocks of
    two convolutions, then two times nearest upsampling and a convolution, and one of 7 x 7 to three channels with a
    sigmoid. After all but the last instance normalisation: what statistics a map has is the style's business, so
    the picture's own are taken away (Ulyanov et al. 2016). Borders are reflected. `seed` makes the start repeatable.
    Differs from the source in the upsampling, which leaves no checkerboard (chapter 04), in a quarter to a half of the
    channels, and in having no padding of 40 pixels. Raises `ValueError` for what is no batch of colour images of
    that size.

    Source: Johnson, Alahi & Fei-Fei (2016), "Perceptual losses", section 3.1 and supplement. Taught in chapter
    08_style.

    >>> FeedForwardStyle(width=4, blocks=1)(torch.rand(2, 3, 30, 41)).shape
    torch.Size([2, 3, 30, 41])
    """

    def __init__(self, *, width: int = 16, blocks: int = 4, seed: int = 0) -> None:
        super().__init__()
        check_whole(width, name="width", least=1)
        check_whole(blocks, name="blocks", least=0)
        with seeded(seed):
            self.down = nn.Sequential(
                *_layer(3, width, size=7), *_layer(width, 2 * width, stride=2), *_layer(2 * width, 4 * width, stride=2)
            )
            self.blocks = nn.ModuleList(
                nn.Sequential(*_layer(4 * width, 4 * width), *_layer(4 * width, 4 * width)[:-1]) for _ in range(blocks)
            )
            up = nn.Upsample(scale_factor=2)
            self.up = nn.Sequential(up, *_layer(4 * width, 2 * width), up, *_layer(2 * width, width))
            self.last = _layer(width, 3, size=7)[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = check_together(check_input(x, self, channels=3), self).shape[2:]
        if min(height, width) < 16:
            raise ValueError(f"both sides of an image must be at least 16, got {height} x {width}")
        x = self.down(pad(x, (0, -width % 4, 0, -height % 4), mode="reflect"))  # (N, 4 width, H / 4, W / 4)
        for block in self.blocks:
            x = x + block(x)
        return self.last(self.up(x)).sigmoid()[:, :, :height, :width]


def style_net() -> FeedForwardStyle:
    r"""The shipped network that gives a photograph the style of `images.pattern(**STYLE)`.

    Images `(N, 3, H, W)` in [0, 1], best near 256 pixels, the size it was trained for. The card is
    `artifacts.card("feed_forward_style", kind="weights")`. Parameters take no gradients; those with respect to the
    image work. Taught in chapter 08_style.

    >>> style_net()(torch.rand(1, 3, 32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """
    return trained(FeedForwardStyle(**ARCHITECTURE), "feed_forward_style")


def _layer(inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> list[nn.Module]:
    """A convolution with reflected borders, instance normalisation with a scale and shift, and a ReLU."""
    convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, padding_mode="reflect")
    return [convolution, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()]
