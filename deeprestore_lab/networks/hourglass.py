"""The hourglass of the deep image prior: down by strided convolutions, up by interpolation, thin skips between."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.core.checks import check_choice, check_images, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.networks.fast.interpolation import interpolated
from deeprestore_lab.networks.fast.normalisation import ChannelNorm, normalised_for_upsampling
from deeprestore_lab.networks.fast.upsampled_convolution import upsampled_convolution
from deeprestore_lab.networks.fast.winograd import ReflectedConvolution, is_wide

UPSAMPLING = ("bilinear", "nearest")
SLOPE = 0.2


@dataclass(frozen=True)
class Widths:
    """Channels at each scale, the finest first: on the way down, on the way up and through the skip."""

    down: tuple[int, ...]
    up: tuple[int, ...]
    skip: tuple[int, ...]


PRESETS = {
    "tiny": Widths((16, 32, 32, 32), (16, 32, 32, 32), (4,) * 4),
    "small": Widths((16, 32, 64, 64), (16, 32, 64, 64), (4,) * 4),
    "medium": Widths((16, 32, 64, 128, 128), (16, 32, 64, 128, 128), (4,) * 5),
    "paper": Widths((128,) * 5, (128,) * 5, (4,) * 5),
}


def preset(name: str) -> Widths:
    """The widths of a preset: "tiny", "small", "medium" or "paper". Raises `ValueError` for another name.

    "paper" is the denoising net of Ulyanov et al. with its 2,217,831 parameters (32 channels in, 3 out). The other
    three are ours, narrower where the image is large: on small pictures they cost a tenth and lose little.
    """
    return PRESETS[check_choice(name, tuple(PRESETS), name="preset")]


class Hourglass(nn.Module):
    r"""A net from `(N, in_channels, H, W)` to images `(N, out_channels, H, W)` in (0, 1), the paper's "skip" net.

    At each scale: 3 x 3 convolution with stride 2, 3 x 3 convolution, the scales below, interpolation by 2,
    concatenation with a 1 x 1 convolution of what came in (the skip), normalisation, 3 x 3 and 1 x 1 convolution. Each
    convolution is followed by normalisation over the batch's own statistics (none are kept) and a leaky ReLU of slope
    0.2; borders are reflected; a 1 x 1 convolution and a sigmoid end it. H and W must be at least 2^scales + 1 for
    the borders to be reflected at the coarsest scale; odd sizes are interpolated to what the scale above has.

    Raises `ValueError` for widths that do not match, and for an input that is too small or has other channels.
    Source: Ulyanov, Vedaldi & Lempitsky (2018), "Deep image prior", supplement. Taught in chapter 11_deep_image_prior.

    >>> sum(p.numel() for p in Hourglass(32, 3, widths=preset("paper")).parameters())
    2217831
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, widths: Widths | None = None, upsampling: str = "bilinear"
    ) -> None:
        super().__init__()
        widths = preset("small") if widths is None else widths
        _check_widths(widths)
        self.in_channels = check_whole(in_channels, name="in_channels", least=1)
        check_whole(out_channels, name="out_channels", least=1)
        self.scales = len(widths.down)
        self.body = _Scale(in_channels, widths, 0, upsampling=check_choice(upsampling, UPSAMPLING, name="upsampling"))
        self.head = nn.Conv2d(widths.up[0], out_channels, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        check_together(check_images(z, name="z", channels=self.in_channels), self, names=("z", "the network"))
        least = 2**self.scales + 1
        if min(z.shape[-2:]) < least:
            raise ValueError(
                f"a net of {self.scales} scales needs at least {least} pixels in height and width, "
                f"got {tuple(z.shape[-2:])}; take a preset with fewer scales or a larger picture"
            )
        return torch.sigmoid(self.body(z, self.head))


class _Scale(nn.Module):
    """One scale and all below it: `(N, C, H, W)` to `(N, up[i], H, W)`."""

    def __init__(self, in_channels: int, widths: Widths, i: int, *, upsampling: str) -> None:
        super().__init__()
        down, skip, last = widths.down[i], widths.skip[i], i == len(widths.down) - 1
        below = down if last else widths.up[i + 1]
        self.upsampling = upsampling
        self.skip = _block(in_channels, skip, kernel=1) if skip else None
        self.down = nn.Sequential(_block(in_channels, down, stride=2), _block(down, down))
        self.below = nn.Identity() if last else _Scale(down, widths, i + 1, upsampling=upsampling)
        self.norm = ChannelNorm(below + skip)
        self.up = nn.Sequential(_block(below + skip, widths.up[i]), _block(widths.up[i], widths.up[i], kernel=1))

    def forward(self, x: torch.Tensor, last: nn.Module | None = None) -> torch.Tensor:
        """`last` works on each pixel by itself and comes at the end."""
        last = nn.Identity() if last is None else last
        small, full = self.below(self.down(x)), None if self.skip is None else self.skip(x)
        if self._merges(x, small):
            return self._merged(full, small, last)
        if self.upsampling == "bilinear":
            inner = interpolated(small, x.shape[-2:])
        else:
            inner = functional.interpolate(small, size=x.shape[-2:], mode=self.upsampling)
        both = inner if full is None else torch.cat([full, inner], dim=1)
        return last(self.up(self.norm(both)))

    def _merges(self, x: torch.Tensor, small: torch.Tensor) -> bool:
        """Whether interpolation, normalisation and the next convolution are done at once, at the smaller size."""
        doubles = x.shape[-2:] == tuple(2 * n for n in small.shape[-2:]) and self.upsampling == "bilinear"
        convolution, skip = self.up[0][0], self.norm.num_features - small.shape[1]
        return doubles and is_wide(small, channels=small.shape[1] + 4 * skip, out=4 * convolution.out_channels)

    def _merged(self, full: torch.Tensor | None, small: torch.Tensor, last: nn.Module) -> torch.Tensor:
        """The second half, the four values of each 2 x 2 block one below the other until the end."""
        convolution, norm, activation = self.up[0]
        split, (height, width) = 0 if full is None else full.shape[1], small.shape[-2:]
        if full is not None:
            full = functional.group_norm(full, split, self.norm.weight[:split], self.norm.bias[:split], self.norm.eps)
        small = normalised_for_upsampling(small, self.norm.weight[split:], self.norm.bias[split:], self.norm.eps)
        y = upsampled_convolution(full, small, convolution.weight, convolution.bias)
        y = last(self.up[1](activation(norm(y.view(1, -1, 4 * height, width)))))
        return functional.pixel_shuffle(y.view(1, -1, height, width), 2)


def _block(in_channels: int, out_channels: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = ReflectedConvolution(in_channels, out_channels, kernel, stride=stride)
    return nn.Sequential(convolution, ChannelNorm(out_channels), nn.LeakyReLU(SLOPE))


def _check_widths(widths: Widths) -> None:
    if not isinstance(widths, Widths):
        raise ValueError(f"widths must be Widths(down, up, skip), got {describe(widths)}; `preset` gives those by name")
    rows: dict[str, Sequence[int]] = {"down": widths.down, "up": widths.up, "skip": widths.skip}
    if not widths.down or len({len(row) for row in rows.values()}) > 1:
        lengths = ", ".join(f"{name} {len(row)}" for name, row in rows.items())
        raise ValueError(f"widths need one number for each scale in down, up and skip, got {lengths}")
    for name, row in rows.items():
        for width in row:
            check_whole(width, name=f"a width of {name}", least=0 if name == "skip" else 1)
