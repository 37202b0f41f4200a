"""The levels of noise that a sampler passes, and where it starts."""

from numbers import Real

import torch

from deeprestore_lab.core.checks import check_positive, check_seed, check_weight, check_whole, describe


def karras_levels(count: int, *, smallest: float, largest: float, rho: float = 7.0) -> list[float]:
    r"""`count` levels from `largest` down to `smallest`, evenly spaced in sigma^(1/rho), and 0 after them.

        sigma_i = (largest^(1/rho) + i / (count - 1) (smallest^(1/rho) - largest^(1/rho)))^rho

    A large rho spends more steps on weak noise; rho = 1 is even. A sampler makes `count` steps over the count + 1
    values. Raises `ValueError` for levels that do not fall, or rho not above 0. Source: Karras et al. (2022), equation
    5. Taught in chapter 21_sampling.

    >>> [round(level, 3) for level in karras_levels(3, smallest=0.1, largest=1.6, rho=2)]
    [1.6, 0.625, 0.1, 0.0]
    """
    count, rho = check_whole(count, name="count", least=1), check_positive(rho, name="rho", single=True)
    smallest = check_positive(smallest, name="smallest", single=True)
    largest = check_positive(largest, name="largest", single=True)
    if not smallest < largest:
        raise ValueError(f"smallest must be below largest, got {smallest:g} and {largest:g}")
    high, low = largest ** (1 / rho), smallest ** (1 / rho)
    return [(high + i / max(count - 1, 1) * (low - high)) ** rho for i in range(count)] + [0.0]


def noise_start(
    n: int, shape: tuple[int, int, int], *, sigma: float, seed: int, mean: float | torch.Tensor = 0.0
) -> torch.Tensor:
    """mean + sigma n with white noise, `(n, C, H, W)`: what pictures look like under noise that hides all of them.

    Raises `ValueError` for a shape that is none, a mean that does not fit it, a level not above 0 or a count below 1.
    """
    n, sigma = check_whole(n, name="n", least=1), check_positive(sigma, name="sigma", single=True)
    if not isinstance(shape, tuple | list) or len(shape) != 3:
        raise ValueError(f"shape must be (C, H, W), got {describe(shape)}")
    shape = (n, *(check_whole(side, name="a side of shape", least=1) for side in shape))
    if not isinstance(mean, Real | torch.Tensor) or not _broadcasts(torch.as_tensor(mean).shape, shape):
        raise ValueError(f"mean must be a number or fit pictures {shape}, got {describe(mean)}")
    generator = torch.Generator().manual_seed(check_seed(seed))
    return (mean + sigma * torch.randn(shape, generator=generator)).to(torch.get_default_dtype())


def _broadcasts(own: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a tensor of shape `own` can stand beside one of `shape` without changing that."""
    try:
        return torch.broadcast_shapes(own, shape) == shape
    except RuntimeError:
        return False


def check_levels(levels: list[float]) -> list[float]:
    """Return `levels` if they fall, and all but the last are above 0, else raise `ValueError`."""
    try:
        values = [check_weight(level, name="a level", single=True) for level in levels]
    except (TypeError, ValueError):
        raise ValueError(f"levels must be finite numbers of at least 0, got {describe(levels)}") from None
    if len(values) < 2 or any(high <= low for high, low in zip(values, values[1:], strict=False)):
        raise ValueError(f"levels must fall to at least 0 and be two or more, got {values}")
    return values
