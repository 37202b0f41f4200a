"""A denoiser of digits for every level of noise, which is all that a diffusion model learns."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.core.checks import check_images, check_positive, check_whole, per_image
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.trained import trained

CENTRE, SPREAD = 0.1307, 0.3081  # mean and standard deviation of MNIST's pixels
LEVELS = (0.002, 10.0)  # the noise that it learns to remove
WIDTHS, MIDDLE, EMBEDDING = (32, 48), 2, 32


class DiffusionUNet(nn.Module):
    r"""D(y, sigma): the mean of a picture given y = x + sigma n, with the preconditioning of Karras et al.

        D(y, sigma) = m + c_skip (y - m) + c_out F(c_in (y - m), ln(sigma) / 4)
        c_skip = s^2 / (sigma^2 + s^2),  c_out = sigma s / sqrt(sigma^2 + s^2),  c_in = 1 / sqrt(sigma^2 + s^2)

    m = 0.1307 and s = 0.3081 are the mean and the standard deviation of MNIST's pixels. So F sees values of spread 1
    at every level, and what it has to give has spread 1 too: the picture where the noise is strong, the noise where it
    is weak. Its last layer starts at zero; D is then the best that can be done knowing m and s alone.

    F is a U-Net on blocks of 2 x 2 pixels: a residual block of `widths[0]` channels at half the size, `middle` of
    them of `widths[1]` at a quarter, one at half the size again, which sees the first one's map too. The level enters
    each block as a scale and a shift of its channels. Shapes: y `(N, channels, H, W)` with sides that 4 divides, sigma
    a float or `(N,)` above 0, both in the units of x; what comes out is not clipped. `seed` makes the start repeatable.
    Raises `ValueError` for settings, images or levels that do not fit. Source: Karras et al. (2022), "Elucidating the
    design space of diffusion-based generative models", equation 7 and table 1. Taught in chapter 21_sampling.

    >>> net = DiffusionUNet()
    >>> net(torch.full((1, 1, 28, 28), 1.1307), 0.3081).detach()[0, 0, 0, 0]  # half of the way to the mean
    tensor(0.6307)
    """

    def __init__(
        self, *, channels: int = 1, widths: Sequence[int] = WIDTHS, middle: int = MIDDLE, seed: int = 0
    ) -> None:
        super().__init__()
        self.channels, middle = check_whole(channels, name="channels", least=1), check_whole(middle, name="middle")
        if len(widths) != 2:
            raise ValueError(f"widths must be two numbers of channels, got {widths!r}")
        wide, deep = (check_whole(width, name="a width", least=1) for width in widths)
        with seeded(seed):
            self.embed = nn.Sequential(nn.Linear(16, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU())
            self.head = nn.Conv2d(4 * channels, wide, 3, padding=1)
            self.before, self.after = _Block(wide), _Block(wide)
            self.down, self.up = nn.Conv2d(wide, deep, 2, stride=2), nn.ConvTranspose2d(deep, wide, 2, stride=2)
            self.middle = nn.ModuleList(_Block(deep) for _ in range(middle))
            self.last = nn.Conv2d(wide, 4 * channels, 3, padding=1)
            nn.init.zeros_(self.last.weight), nn.init.zeros_(self.last.bias)

    def forward(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        check_images(y, name="y", channels=self.channels)  # noise of level 10 leaves the units of images far behind
        check_together(y, self, names=("y", "the network"))
        if y.shape[-1] % 4 or y.shape[-2] % 4:
            raise ValueError(f"the sides of y must be multiples of 4, got {tuple(y.shape[-2:])}")
        level = torch.as_tensor(per_image(check_positive(sigma, name="sigma"), y), dtype=y.dtype, device=y.device)
        level = level.expand(len(y), 1, 1, 1)
        size = (level**2 + SPREAD**2).sqrt()
        residual = self.target((y - CENTRE) / size, level)
        return CENTRE + (SPREAD / size) ** 2 * (y - CENTRE) + level * SPREAD / size * residual

    def target(self, scaled: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """F at `scaled` = c_in (y - m), `level` `(N, 1, 1, 1)`; nothing is checked."""
        told = self.embed(_waves(level.flatten().log() / 4))
        first = self.before(self.head(functional.pixel_unshuffle(scaled, 2)), told)
        h = self.down(first)
        for block in self.middle:
            h = block(h, told)
        return functional.pixel_shuffle(self.last(functional.silu(self.after(self.up(h) + first, told))), 2)


class _Block(nn.Module):
    """h + conv(silu((1 + a) conv(silu(h)) + b)), with a and b linear in what is told of the level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.level = nn.Linear(EMBEDDING, 2 * width)
        with torch.no_grad():
            self.two.weight.mul_(0.3)  # blocks add to each other; each begins small

    def forward(self, h: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        scale, shift = self.level(told)[:, :, None, None].chunk(2, 1)
        return h + self.two(functional.silu((1 + scale) * self.one(functional.silu(h)) + shift))


def _waves(level: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of `level` `(N,)` at eight frequencies from 1/2 to 4, `(N, 16)`."""
    angles = level[:, None] * torch.logspace(-1, 2, 8, base=2, dtype=level.dtype, device=level.device) * math.pi
    return torch.cat([angles.cos(), angles.sin()], 1)


def diffusion_digits() -> DiffusionUNet:
    r"""The shipped `DiffusionUNet` of MNIST's digits: noisy images `(N, 1, 28, 28)`, levels of 0.002 to 10.

    The card is `artifacts.card("diffusion_digits", kind="weights")`. Parameters take no gradients; those with respect
    to y work. Raises `ArtifactError` where the weights are missing or damaged. Taught in chapter 21_sampling.
    """
    return trained(DiffusionUNet(), "diffusion_digits")
