"""What a representation wants: minus its activation in a direction. Taught in chapter 20_visualisation."""

from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.core.checks import check_pair, check_positive, check_whole, describe, per_image
from deeprestore_lab.energies.answers import Weight
from deeprestore_lab.energies.base import Energy
from deeprestore_lab.energies.shapes import check_batch, check_fit
from deeprestore_lab.operators.base import Operator


class Activation(Energy):
    r"""-<phi(x), d> / scale: the more phi(x) has of the direction d, the lower the energy.

    `phi` is an operator, such as a layer of a network, or any map of images to `(N, ...)`; `direction` is d, `(N, ...)`
    or of batch 1, as phi(x) is shaped; of complex values the product is Re <phi(x), d>. With a one at one unit
    (`unit_direction`) minimising it is activation maximisation; with d = phi(x0) it draws a caricature of x0; with the
    difference of two classes, beside a term that holds x to a picture, an adversarial example. `scale` is a number
    above 0 or `(N,)`, in the units of the activation: the largest one seen makes energies of units comparable. The
    value is `(N,)`, not in nats, and has no lower bound for most networks: without a prior or bounds there is no
    minimum. Take layers before their ReLU, where a unit that is off still has a gradient. Raises `ValueError` for a
    direction that is no batch of finite values, is zero for an image or is shaped otherwise than phi(x), and for a
    scale not above 0. Source: Erhan et al. (2009); Mahendran & Vedaldi (2016), section 3. Taught in chapter
    20_visualisation.

    >>> from deeprestore_lab.operators import Identity
    >>> float(Activation(Identity(), torch.full((1, 1, 1, 2), 3.0), scale=2.0)(torch.ones(1, 1, 1, 2)))
    -3.0
    """

    def __init__(self, phi: Operator | Callable, direction: torch.Tensor, *, scale: Weight = 1.0) -> None:
        if not callable(phi):
            raise ValueError(f"phi must be callable, got {describe(phi)}")
        check_batch(direction, name="direction")
        if not torch.isfinite(direction).all() or not (direction.flatten(1) != 0).any(1).all():
            raise ValueError("direction must be finite, and not all zero for any image")
        self.phi, self.direction = phi, direction.detach()
        self.scale = check_positive(scale, name="scale")

    @property
    def name(self) -> str:
        own = getattr(self.phi, "name", None)
        return f"activation of {own}" if own else "activation"

    def value(self, x: torch.Tensor) -> torch.Tensor:
        seen = check_fit(self.phi(x), self.direction, names=("phi(x)", "the direction"))
        direction = self.direction.to(seen)
        if seen.is_complex():
            seen, direction = torch.view_as_real(seen), torch.view_as_real(direction)
        product = (seen * direction).flatten(1).sum(1)
        return -product / per_image(self.scale, product)


def unit_direction(
    shape: Sequence[int], channels: int | Sequence[int], *, position: tuple[int, int] | str = "centre"
) -> torch.Tensor:
    """The direction of one channel for each image: `(N, C, h, w)`, or `(N, C)` for a layer without positions.

    `shape` is that of phi(x) for one image, `(C, h, w)` or `(C,)`; `channels` is one number or one for each image.
    `position` (row, column) makes it a unit; "centre" takes the one in the middle; "mean" takes all positions, each
    1 / (h w), which makes it the mean of a channel. Raises `ValueError` for a shape, channels or a position that
    do not fit. Taught in chapter 20_visualisation.

    >>> unit_direction((2, 1, 3), 1).tolist()
    [[[[0.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]]]
    >>> unit_direction((3,), [2, 0]).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) not in (1, 3):
        raise ValueError(f"shape must be (C, h, w) or (C,), that of phi(x) for one image, got {describe(shape)}")
    width, *sides = (check_whole(n, name="a side of shape", least=1) for n in shape)
    chosen = list(channels) if isinstance(channels, Sequence) else [channels]
    if not chosen:
        raise ValueError("channels must name at least one")
    chosen = [check_whole(c, name="a channel", least=0, most=width - 1) for c in chosen]
    direction = torch.zeros(len(chosen), width, *sides)
    rows = torch.arange(len(chosen))
    if not sides:
        direction[rows, chosen] = 1
    elif position == "mean":
        direction[rows, chosen] = 1 / (sides[0] * sides[1])
    else:
        place = (sides[0] // 2, sides[1] // 2) if position == "centre" else check_place(position, sides)
        direction[rows, chosen, place[0], place[1]] = 1
    return direction


def check_place(position: tuple[int, int], sides: Sequence[int]) -> tuple[int, int]:
    """Return `position` if it lies in a map of h x w, else raise `ValueError`."""
    place = check_pair(position, name="position", least=0) if not isinstance(position, str) else None
    if place is None or any(own >= side for own, side in zip(place, sides, strict=True)):
        raise ValueError(f"position must be (row, column) below {tuple(sides)}, 'centre' or 'mean', got {position!r}")
    return place
