"""What a sample is: rows of numbers `(N, D)`; and what any discrepancy is between two samples of one law."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from deeprestore_lab.core.checks import check_whole, describe


def check_sample(sample: torch.Tensor, *, name: str, least: int = 1) -> torch.Tensor:
    """Return `sample` if it is a float tensor `(N, D)` of at least `least` rows, else raise `ValueError`."""
    if not isinstance(sample, torch.Tensor) or sample.ndim != 2 or not sample.is_floating_point():
        raise ValueError(f"{name} must be a float tensor of shape (N, D), got {describe(sample)}")
    if sample.shape[0] < least or sample.shape[1] == 0:
        raise ValueError(f"{name} must have at least {least} rows and one column, got {describe(sample)}")
    return sample


def check_pair(
    a: torch.Tensor, b: torch.Tensor, *, names: tuple[str, str] = ("a", "b"), least: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two samples `(N, D)` and `(M, D)` of equal D, else raise `ValueError`."""
    for sample, name in zip((a, b), names, strict=True):
        check_sample(sample, name=name, least=least)
    if a.shape[1] != b.shape[1] or a.dtype != b.dtype:
        raise ValueError(
            f"{names[0]} and {names[1]} must have rows of one length and type, got {describe(a)} and {describe(b)}"
        )
    return a, b


class Level(NamedTuple):
    """Mean and standard deviation over pairs of samples. The mean's own error is deviation / sqrt(repeats)."""

    mean: float
    deviation: float


def same_law_level(
    discrepancy: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    draw: Callable[[int], torch.Tensor],
    *,
    count: int,
    repeats: int = 50,
) -> Level:
    r"""What a discrepancy is, on average, between two samples of the same law: its zero for batches of this size.

        mean and standard deviation of discrepancy(draw(count), draw(count)) over the repeats

    `draw` maps a number of rows to independent rows `(count, D)`; `discrepancy` maps two samples to one number. A
    training loss that has come down to this level has nothing left to say. `repeats` is at least 2. Raises
    `ValueError` for numbers that are not whole or too small. Taught in chapter 12_latent_autoencoder.

    >>> generator = torch.Generator().manual_seed(0)
    >>> mean_gap = lambda a, b: (a.mean(0) - b.mean(0)).square().sum()
    >>> level = same_law_level(mean_gap, lambda n: torch.rand(n, 3, generator=generator), count=50, repeats=400)
    >>> abs(level.mean - 3 * 2 / 12 / 50) < 4 * level.deviation / 400**0.5  # two means, each of variance 1 / (12 N)
    True
    """
    check_whole(count, name="count", least=1), check_whole(repeats, name="repeats", least=2)
    with torch.no_grad():
        values = torch.stack([discrepancy(draw(count), draw(count)).double() for _ in range(repeats)])
    return Level(float(values.mean()), float(values.std()))
