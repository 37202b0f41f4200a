"""Networks that enlarge a picture four times: a residual net, an SRCNN-size net, and what both start from, bicubic."""

import torch
from torch import nn
from torch.nn.functional import interpolate

from deeprestore_lab.core.checks import check_choice, check_images, check_input, check_whole
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.images.transforms import to_grey
from deeprestore_lab.networks.he_start import he_start
from deeprestore_lab.networks.trained import trained

FACTOR = 4
SUPER_RESOLVERS = ("pixel", "feature", "srcnn")
ARCHITECTURE = {"width": 48, "blocks": 3}


def bicubic(y: torch.Tensor, *, factor: int = FACTOR) -> torch.Tensor:
    r"""The images `(N, C, h, w)` enlarged to `(N, C, factor h, factor w)` by Keys' cubic, a = -1/2, as Pillow does.

    Linear in y and not clipped: it overshoots at edges. Taught in chapter 07_feature_losses.

    Raises `ValueError` for what is no image batch.

    >>> bicubic(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 3, 32, 32])
    """
    size = tuple(factor * n for n in check_images(y, name="y").shape[2:])
    return interpolate(y, size, mode="bicubic", antialias=True, align_corners=False)


class Upsampler(nn.Module):
    r"""y -> bicubic(y) + r(y), from `(N, 3, h, w)` to `(N, 3, 4 h, 4 w)`: a residual net on the small picture.

    The net is a convolution to `width` channels, `blocks` residual blocks (what comes in is added to what two
    convolutions with a ReLU between them make of it), then twice "repeat pixels, convolution, ReLU" with fewer channels
    each time (1/2 and 1/3 of `width`), and a convolution to three, all of them 3 x 3. The last one starts at zero, so
    that an untrained net is bicubic enlargement. Pixels are repeated and then
    filtered, since transposed convolutions leave a checkerboard (chapter 4). Differs from Johnson et al. (2016) in size
    (they have four blocks of 64 channels), has no batch normalisation, and adds the bicubic picture. `seed` makes the
    start repeatable. Raises `ValueError` for settings or images that do not fit. Taught in chapter 07_feature_losses.

    >>> y = torch.rand(1, 3, 8, 8)
    >>> bool(torch.equal(Upsampler(width=8, blocks=1)(y), bicubic(y)))
    True
    """

    def __init__(self, *, width: int = 48, blocks: int = 3, seed: int = 0) -> None:
        super().__init__()
        width, blocks = check_whole(width, name="width", least=3), check_whole(blocks, name="blocks", least=0)
        middle, fine = width // 2, width // 3
        with seeded(seed):
            self.head = _convolution(3, width)
            self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
            self.enlarge = nn.Sequential(
                nn.Upsample(scale_factor=2),
                _convolution(width, middle),
                nn.ReLU(),
                nn.Upsample(scale_factor=2),
                _convolution(middle, fine),
                nn.ReLU(),
            )
            self.last = _convolution(fine, 3)
            nn.init.zeros_(self.last.weight)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        h = self.head(check_together(check_input(y, self, name="y", channels=3), self, names=("y", "the network")))
        for block in self.blocks:
            h = block(h)
        return bicubic(y) + self.last(self.enlarge(h)).to(y.dtype)


class SRCNN(nn.Module):
    r"""y -> bicubic(y) + s(luma of bicubic(y)): three convolutions, 9 x 9, 1 x 1, 5 x 5, on the enlarged grey values.

    Shapes and size of the net of Dong et al. (2014), 9-1-5 with 64 and 32 channels: 8032 weights and 97 biases. One
    channel comes out and is added to red, green and blue alike: colours stay those of the bicubic picture, as in the
    source. Differs from it in that the net learns what to add, and starts at zero; borders repeat the outermost pixel.
    Images `(N, 3, h, w)` to `(N, 3, 4 h, 4 w)`. Raises `ValueError` for what is no colour image in [0, 1]. Taught in
    chapter 07_feature_losses.

    >>> sum(w.numel() for w in SRCNN().parameters())
    8129
    """

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        with seeded(seed):
            self.layers = nn.Sequential(
                _convolution(1, 64, kernel=9),
                nn.ReLU(),
                _convolution(64, 32, kernel=1),
                nn.ReLU(),
                _convolution(32, 1, kernel=5),
            )
            nn.init.zeros_(self.layers[-1].weight)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        large = bicubic(check_together(check_input(y, self, name="y", channels=3), self, names=("y", "the network")))
        return large + self.layers(to_grey(large)).to(y.dtype)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(_convolution(width, width), nn.ReLU(), _convolution(width, width))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return h + self.layers(h)


def _convolution(inputs: int, outputs: int, *, kernel: int = 3) -> nn.Conv2d:
    """With He's start and repeated borders."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="replicate")
    he_start(layer)
    return layer


def super_resolver(trained_by: str) -> Upsampler | SRCNN:
    r"""A shipped network that enlarges four times: one architecture by "pixel" or "feature" loss, or "srcnn" by pixels.

    Images `(N, 3, h, w)` in [0, 1], made smaller by `operators.Downsample(4)`, to `(N, 3, 4 h, 4 w)`; what comes out is
    not clipped. The card is `artifacts.card("super_resolution", kind="weights")`. Parameters take no gradients.
    Raises `ValueError` for another name. Taught in chapter 07_feature_losses.

    >>> super_resolver("pixel")(torch.rand(1, 3, 16, 16)).shape
    torch.Size([1, 3, 64, 64])
    """
    check_choice(trained_by, SUPER_RESOLVERS, name="trained_by")
    network = SRCNN() if trained_by == "srcnn" else Upsampler(**ARCHITECTURE)
    return trained(network, "super_resolution", part=trained_by)
