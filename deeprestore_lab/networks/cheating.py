"""An encoder-decoder that only moves values around: what training on clean pairs may end at, set by hand."""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_weight, check_whole
from deeprestore_lab.networks.encoder_decoder import EncoderDecoder


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
