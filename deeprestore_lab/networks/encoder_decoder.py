"""An encoder of strided convolutions and a decoder of upsampling and convolution, with nothing between them."""

from collections.abc import Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_choice, check_input, check_weight, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.he_start import he_start

UPSAMPLING = ("nearest", "bilinear", "transposed", "shuffle")


class EncoderDecoder(nn.Module):
    r"""x -> decoder(encoder(x)) for images `(N, channels, H, W)`: all that comes out went through the code.

    One encoder block for each of `widths`: `depth` convolutions 3 x 3, each followed by a ReLU, the first with stride
    2. The code is `(N, widths[-1], H / 2^k, W / 2^k)` for k blocks. The decoder mirrors it: a block enlarges by 2, then
    `depth` convolutions 3 x 3 with ReLU; the last convolution of all, 3 x 3, gives the channels of the image without a
    ReLU, so that values are free. The block next to the image has widths[0] / 2 channels (at least `channels`), since
    convolutions cost most there.

    `upsampling`: "nearest" or "bilinear" enlarge first and convolve then (Odena et al. 2016); "transposed" makes the
    first convolution of the block a transposed one, 3 x 3 with stride 2, which leaves a checkerboard; "shuffle"
    computes four times the channels and deals them out over 2 x 2 pixels (Shi et al. 2016), each with its own filters.

    Weights start as He et al. (2015) have them, biases at 0; `seed` makes the start repeatable and leaves torch's
    global generator as it was. Raises `ValueError` for a setting that does not fit, and for images whose sides are no
    multiples of 2^k. Taught in chapter 04_denoising_autoencoders.

    >>> net = EncoderDecoder(widths=(8, 16), depth=1)
    >>> x = torch.zeros(2, 3, 16, 16)
    >>> net.encoder(x).shape, net(x).shape
    (torch.Size([2, 16, 4, 4]), torch.Size([2, 3, 16, 16]))
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        widths: Sequence[int] = (32, 64),
        depth: int = 2,
        upsampling: str = "nearest",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.channels = check_whole(channels, name="channels", least=1)
        self.depth = check_whole(depth, name="depth", least=1)
        if isinstance(widths, str | int) or not widths:
            raise ValueError(f"widths must hold the channels of each block, at least one, got {describe(widths)}")
        self.widths = tuple(check_whole(width, name="a width", least=1) for width in widths)
        self.upsampling = check_choice(upsampling, UPSAMPLING, name="upsampling")
        with seeded(seed):
            self.encoder, self.decoder = self._encoder(), self._decoder()
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    he_start(layer)

    @property
    def multiple(self) -> int:
        """What the height and width of an image must be multiples of."""
        return 2 ** len(self.widths)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_together(check_input(x, self, channels=self.channels), self)
        if x.shape[2] % self.multiple or x.shape[3] % self.multiple:
            raise ValueError(
                f"height and width must be multiples of {self.multiple} for {len(self.widths)} blocks, "
                f"got {x.shape[2]} x {x.shape[3]}"
            )
        return self.decoder(self.encoder(x))

    def _encoder(self) -> nn.Sequential:
        blocks = []
        for before, width in zip((self.channels, *self.widths[:-1]), self.widths, strict=True):
            layers = [_convolution(before, width, stride=2), nn.ReLU()]
            blocks.append(nn.Sequential(*layers, *self._more(width)))
        return nn.Sequential(*blocks)

    def _decoder(self) -> nn.Sequential:
        blocks = []
        widths = (max(self.channels, self.widths[0] // 2), *self.widths)
        for before, width in zip(widths[:0:-1], widths[-2::-1], strict=True):
            if self.upsampling == "transposed":
                layers = [nn.ConvTranspose2d(before, width, 3, stride=2, padding=1, output_padding=1), nn.ReLU()]
            elif self.upsampling == "shuffle":
                layers = [_convolution(before, 4 * width), nn.PixelShuffle(2), nn.ReLU()]
            else:
                bilinear = {"mode": "bilinear", "align_corners": False} if self.upsampling == "bilinear" else {}
                layers = [nn.Upsample(scale_factor=2, **bilinear), _convolution(before, width), nn.ReLU()]
            blocks.append(nn.Sequential(*layers, *self._more(width)))
        return nn.Sequential(*blocks, _convolution(widths[0], self.channels))

    def _more(self, width: int) -> list[nn.Module]:
        return [layer for _ in range(self.depth - 1) for layer in (_convolution(width, width), nn.ReLU())]


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


@torch.no_grad()
def copying_network(*, channels: int = 3, blocks: int = 1, offset: float = 1.0) -> EncoderDecoder:
    r"""An `EncoderDecoder` of kernels of zeros and ones that gives back its input: g(x) = x for every x >= -offset.

    Each encoder block moves the four pixels of a square of 2 x 2 into four channels (space to depth), so the widths are
    4 channels, 16 channels, ...; each transposed convolution puts them back. No number is lost, and none is averaged:
    its loss on clean pairs is zero and its Jacobian the identity, and noise comes out as it went in. The ReLU in
    between would cut what is below 0; `offset` is a bias that is added first and taken off last. Raises `ValueError`
    for settings that do not fit. Taught in chapter 04_denoising_autoencoders.

    >>> x = torch.randn(1, 3, 8, 8).clamp(-1)
    >>> bool(torch.allclose(copying_network(blocks=2)(x), x, atol=1e-6))
    True
    """
    channels = check_whole(channels, name="channels", least=1)
    widths = [channels * 4**k for k in range(1, check_whole(blocks, name="blocks", least=1) + 1)]
    net = EncoderDecoder(channels=channels, widths=widths, depth=1, upsampling="transposed").eval()
    for parameter in net.parameters():
        parameter.zero_()
    for block, width in zip(net.encoder, (channels, *widths), strict=False):
        _move(block[0].weight, width)  # (4 width, width, 3, 3)
    for block, width in zip(net.decoder, (*widths[-2::-1], channels), strict=False):
        _move(block[0].weight, width)  # (4 width, outputs, 3, 3), the layout of a transposed convolution
    for channel in range(channels):
        net.decoder[-1].weight[channel, channel, 1, 1] = 1
    net.encoder[0][0].bias += check_weight(offset, name="offset", single=True)
    net.decoder[-1].bias -= offset
    return net


def _move(weight: torch.Tensor, width: int) -> None:
    """Channel c of 2 x 2 pixels against channels 4 c ... 4 c + 3: the taps 1 and 2 are the pixels 2 i and 2 i + 1."""
    for channel in range(width):
        for phase in range(4):
            weight[4 * channel + phase, channel, 1 + phase // 2, 1 + phase % 2] = 1
