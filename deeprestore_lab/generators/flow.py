"""A normalising flow: an exact density of vectors or small images, from invertible maps in a row."""

from __future__ import annotations

import math

import torch
from torch import nn

from deeprestore_lab.core.checks import check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.generators.invertible import Invertible, LeakyReLU, Mapped


class Flow(Invertible):
    r"""log p(x) = log N(f(x); 0, I) + log |det df/dx|, with f the `layers` one after the other.

    `shape` is that of one x, `(D,)` or `(C, H, W)`. The density is with respect to the volume of x, in nats; maps such
    as `LogitMap` among the layers are in it. For images in [0, 1] train and evaluate on `dequantised` ones, and report
    `bits_per_dimension`. `nn.LeakyReLU` may stand among the layers and becomes the invertible `LeakyReLU`.

    Raises `ValueError` for layers that are not invertible, ReLU among them, and for x of another shape. Source: Kingma
    & Dhariwal (2018), "Glow", equations 5 and 6. Taught in chapter 13_generators.

    >>> flow = Flow([nn.LeakyReLU(0.5)], shape=(2,))
    >>> flow.log_density(torch.zeros(1, 2))  # of a normal at zero, and 2 log 0.5
    tensor([-3.2242])
    """

    noise = 0

    def __init__(self, layers: list[nn.Module], *, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = tuple(check_whole(n, name="a side of shape", least=1) for n in shape)
        self.layers = nn.ModuleList(_invertible(layer) for layer in layers)

    def forward(self, x: torch.Tensor) -> Mapped:
        self._check(x)
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return Mapped(x, total)

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        check_together(z, self, names=("z", "the flow"))
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z

    @torch.no_grad()
    def initialise(self, x: torch.Tensor) -> Flow:
        """Set each layer from what a first batch `(N, *shape)` looks like where it arrives; gives the flow back."""
        self._check(x)
        for layer in self.layers:
            layer.initialise(x)
            x = layer(x).z
        return self

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """log p(x) `(N,)` in nats, of x `(N, *shape)`."""
        z, log_det = self(x)
        z = z.flatten(1)
        return log_det - z.square().sum(1) / 2 - z.shape[1] * math.log(2 * math.pi) / 2

    def losses(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """-log p(x) `(N,)`, in nats: what `train` lowers. `noise` is empty, `(N, 0)`."""
        return -self.log_density(x)

    @torch.no_grad()
    def sample(self, count: int, *, seed: int = 0, temperature: float = 1.0) -> torch.Tensor:
        """`(count, *shape)`: the inverse of normal z times `temperature` (below 1: fewer odd ones, another density)."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        like = next(self.parameters(), torch.zeros(()))
        shape = (check_whole(count, name="count", least=1), *self.latent_shape())
        return self.inverse(temperature * torch.randn(shape, generator=generator).to(like))

    @torch.no_grad()
    def latent_shape(self) -> tuple[int, ...]:
        """The shape of one z."""
        like = next(self.parameters(), torch.zeros(()))
        return tuple(self(torch.full((1, *self.shape), 0.5).to(like)).z.shape[1:])

    def _check(self, x: torch.Tensor) -> None:
        if not isinstance(x, torch.Tensor) or tuple(x.shape[1:]) != self.shape or not x.is_floating_point():
            raise ValueError(f"x must be a float tensor (N, {', '.join(map(str, self.shape))}), got {describe(x)}")
        check_together(x, self, names=("x", "the flow"))


def _invertible(layer: nn.Module) -> Invertible:
    if isinstance(layer, nn.ReLU):
        raise ValueError("ReLU sends all of x <= 0 to 0 and has no inverse: on a flow's path use LeakyReLU, or put it "
                         "into a coupling's network")  # fmt: skip
    if isinstance(layer, nn.LeakyReLU):
        return LeakyReLU(layer.negative_slope)
    if not isinstance(layer, Invertible):
        raise ValueError(f"a flow is made of Invertible layers, got {type(layer).__name__}")
    return layer


class FirstHalf(Invertible):
    r"""Map the first half of the channels by `inner` and let the other pass: Glow's way to drop what is done.

    `(N, C, H, W)` to `(N, C H W)`: the values of inner(x_1), then those of x_2. log |det| is that of `inner`, a `Flow`
    of the first C / 2 channels. Units stay. Raises `ValueError` for channels that do not fit. Source: Dinh,
    Sohl-Dickstein & Bengio (2017), section 3.6. Taught in chapter 13_generators.

    >>> FirstHalf(Flow([LeakyReLU()], shape=(2, 4, 4)))(torch.zeros(3, 4, 4, 4)).z.shape
    torch.Size([3, 64])
    """

    def __init__(self, inner: Flow) -> None:
        super().__init__()
        self.inner, self.passing = inner, inner.shape

    def forward(self, x: torch.Tensor) -> Mapped:
        if tuple(x.shape[1:]) != (2 * self.passing[0], *self.passing[1:]):
            raise ValueError(f"x must have twice the channels of the inner flow's {self.passing}, got {describe(x)}")
        first, second = x.chunk(2, dim=1)
        z, log_det = self.inner(first)
        return Mapped(torch.cat([z.flatten(1), second.flatten(1)], dim=1), log_det)

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        first, second = z.chunk(2, dim=1)
        first = self.inner.inverse(first.unflatten(1, self.inner.latent_shape()))
        return torch.cat([first, second.unflatten(1, self.passing)], dim=1)

    def initialise(self, x: torch.Tensor) -> None:
        self.inner.initialise(x.chunk(2, dim=1)[0])
