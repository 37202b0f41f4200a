"""Invertible maps with their log-determinants: the contract, and the maps without anything to learn."""

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from deeprestore_lab.core.checks import check_positive, describe


class Mapped(NamedTuple):
    """Where a map sends x, `z`, and log |det dz/dx|, `log_det` `(N,)`, in nats."""

    z: torch.Tensor
    log_det: torch.Tensor


class Invertible(nn.Module):
    """A one-to-one map of batches: `forward(x)` gives `Mapped(z, log_det)`, `inverse(z)` gives x.

    Batches are `(N, D)` vectors or `(N, C, H, W)` images; N stays, and so does the number of values. `initialise(x)`
    may set parameters from a batch, without gradient; most maps have nothing to set. Taught in chapter 13_generators.
    """

    def forward(self, x: torch.Tensor) -> Mapped:
        raise NotImplementedError

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def initialise(self, x: torch.Tensor) -> None:
        """Set what a first batch decides."""


class LeakyReLU(Invertible):
    r"""z = x for x > 0 and `slope` x elsewhere, value by value; log |det| = log(slope) times the count of x <= 0.

    It is one-to-one for every slope above 0. ReLU is the slope 0: it sends all of x <= 0 to one point, has no inverse
    and the log-determinant minus infinity, so it is refused. Inside a coupling the network need not be invertible, and
    either will do. Any shape `(N, ...)`; no units. Raises `ValueError` for a slope that is not above 0. Taught in
    chapter 13_generators.

    >>> LeakyReLU(0.5)(torch.tensor([[-2.0, 3.0]])).z
    tensor([[-1., 3.]])
    """

    def __init__(self, slope: float = 0.2) -> None:
        super().__init__()
        if slope == 0:
            raise ValueError(
                "a slope of 0 is ReLU: it sends all of x <= 0 to 0 and has no inverse; use a slope above 0"
            )
        self.slope = check_positive(slope, name="slope", single=True)

    def forward(self, x: torch.Tensor) -> Mapped:
        z = torch.where(x > 0, x, self.slope * x)
        return Mapped(z, math.log(self.slope) * (x <= 0).flatten(1).sum(1).to(x))

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        return torch.where(z > 0, z, z / self.slope)


class LogitMap(Invertible):
    r"""z = log(s / (1 - s)), s = a + (1 - 2 a) x: from the cube to all of space, so that a normal density can meet it.

    log |det dz/dx| = sum log(1 - 2 a) - log s - log(1 - s). The margin a keeps z finite at 0 and 1. The inverse of a
    large |z| lies outside of [0, 1] by up to a / (1 - 2 a): such z have no image, and whoever wants pixels clips.

    Any shape `(N, ...)`; x in [0, 1]. Raises `ValueError` for a margin outside of (0, 1/2) and x outside of [0, 1].
    Source: Dinh, Sohl-Dickstein & Bengio (2017), section 4.1. Taught in chapter 13_generators.

    >>> LogitMap()(torch.tensor([[0.5]])).z
    tensor([[0.]])
    """

    def __init__(self, margin: float = 0.05) -> None:
        super().__init__()
        self.margin = check_positive(margin, name="margin", single=True)
        if not self.margin < 0.5:
            raise ValueError(f"margin must be below 1/2, got {describe(margin)}")

    def forward(self, x: torch.Tensor) -> Mapped:
        if not bool(((x >= 0) & (x <= 1)).all()):
            raise ValueError(f"x must lie in [0, 1], got {float(x.min()):.3g} to {float(x.max()):.3g}")
        s = self.margin + (1 - 2 * self.margin) * x
        slopes = math.log(1 - 2 * self.margin) - s.log() - (-s).log1p()
        return Mapped(s.logit(), slopes.flatten(1).sum(1))

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        return (z.sigmoid() - self.margin) / (1 - 2 * self.margin)


class Squeeze(Invertible):
    """Each block of 2 x 2 pixels becomes four channels: `(N, C, H, W)` to `(N, 4 C, H/2, W/2)`; log |det| = 0.

    Values keep their units. Raises `ValueError` for sides that are odd. Source: Dinh, Sohl-Dickstein & Bengio (2017),
    section 3.6. Taught in chapter 13_generators.

    >>> Squeeze()(torch.zeros(2, 1, 28, 28)).z.shape
    torch.Size([2, 4, 14, 14])
    """

    def forward(self, x: torch.Tensor) -> Mapped:
        if x.ndim != 4 or x.shape[2] % 2 or x.shape[3] % 2:
            raise ValueError(f"squeezing needs images (N, C, H, W) with even sides, got {describe(x)}")
        return Mapped(pixel_unshuffle(x, 2), x.new_zeros(len(x)))

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        return pixel_shuffle(z, 2)
