"""Random views of a picture: moved, scaled and turned by draws of known laws. Taught in chapter 20_visualisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.operators.affine import Affine, joined, moving, scaling, turning


class RandomView:
    """A law of affine operators: `draw(generator)` gives one of them, and `a @ b` is the law of their product, b first.

    With `minimise(..., views=law)` the energy is E[energy(T x)], the mean over T of the law: one T is drawn at each
    step for the whole batch, so an image alone goes the way it goes in a batch. Draws follow the generator alone, on
    its device. Taught in chapter 20_visualisation.
    """

    def draw(self, generator: torch.Generator | None = None) -> Affine:
        """One operator of the law."""
        return Affine(self.matrix(generator))

    def matrix(self, generator: torch.Generator | None) -> torch.Tensor:
        """The matrix `(2, 3)` of one operator of the law."""
        raise NotImplementedError(f"{type(self).__name__} does not define matrix")

    def __matmul__(self, other: RandomView) -> RandomViews:
        if not isinstance(other, RandomView):
            return NotImplemented
        return RandomViews([self, other])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.most:g})"


class Jitter(RandomView):
    """Moved by whole pixels, each direction uniform from -`most` to `most`; the border is a mirror.

    `minimise(jitter=)` rolls the picture instead: what leaves on one side comes in on the other. Raises `ValueError`
    for a number of pixels that is none.

    >>> Jitter(2).draw(torch.Generator().manual_seed(0)).matrix[:, 2].tolist()
    [-2.0, -2.0]
    """

    def __init__(self, most: int) -> None:
        self.most = check_whole(most, name="most (in pixels)", least=0)

    def matrix(self, generator: torch.Generator | None) -> torch.Tensor:
        where = {"generator": generator, "device": _device(generator)}
        return moving(torch.randint(-self.most, self.most + 1, (2,), **where).to(torch.float32))


class RandomScale(RandomView):
    """Enlarged about the centre by a factor uniform from 1 - `most` to 1 + `most`, `most` from 0 to below 1.

    Raises `ValueError` for another range.
    """

    def __init__(self, most: float) -> None:
        self.most = _check_range(most, below=1.0, name="most (a share of the size)")

    def matrix(self, generator: torch.Generator | None) -> torch.Tensor:
        return scaling(1 + self.most * _symmetric(generator))


class RandomRotation(RandomView):
    """Turned about the centre by an angle uniform from -`most` to `most` degrees, `most` up to 180.

    Raises `ValueError` for another range.
    """

    def __init__(self, most: float) -> None:
        self.most = _check_range(most, below=180.0 + 1e-9, name="most (in degrees)")

    def matrix(self, generator: torch.Generator | None) -> torch.Tensor:
        return turning(self.most * _symmetric(generator))


class RandomViews(RandomView):
    """One draw of each law, as one operator: the last acts first, as in a product. Raises `ValueError` for others.

    >>> RandomViews([RandomRotation(10), RandomScale(0.1), Jitter(8)])
    RandomRotation(10) @ RandomScale(0.1) @ Jitter(8)
    """

    def __init__(self, laws: Sequence[RandomView]) -> None:
        laws = list(laws)
        if not laws or not all(isinstance(law, RandomView) for law in laws):
            raise ValueError(f"laws must be random views, at least one, got {describe(laws)}")
        self.laws = [own for law in laws for own in (law.laws if isinstance(law, RandomViews) else [law])]

    def matrix(self, generator: torch.Generator | None) -> torch.Tensor:
        whole = None
        for law in reversed(self.laws):
            own = law.matrix(generator)
            whole = own if whole is None else joined(whole, own)
        return whole

    def __repr__(self) -> str:
        return " @ ".join(map(repr, self.laws))


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _symmetric(generator: torch.Generator | None) -> torch.Tensor:
    """One number uniform from -1 to 1."""
    return 2 * torch.rand((), generator=generator, device=_device(generator)) - 1


def _check_range(value: float, *, below: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < below:
        raise ValueError(f"{name} must be a number of at least 0 and below {below:g}, got {describe(value)}")
    return float(value)
