r"""The separable exponential correlation, on a ring and on a window. Taught in chapter 16_linear_inverse.

    Sigma[p, p'] = std^2 rho^(|p_1 - p'_1| + |p_2 - p'_2|),   rho = e^(-1 / length)

An autoregression of order one in each direction. Its inverse has 3 x 3 taps: a value depends on its neighbours alone,
given these. The inverse of the window's covariance differs from that of the plane at the window's border alone.
"""

import math

import torch

from deeprestore_lab.core.checks import check_pair, check_positive


def _rho(length: float) -> float:
    return math.exp(-1 / check_positive(length, name="length", single=True))


def exponential_spectrum(size: tuple[int, int], *, length: float, std: float = 1.0) -> torch.Tensor:
    r"""Its spectrum at the frequencies of `torch.fft.fft2`, `(H, W)`, float64: what `circular_inverse` takes.

    std^2 times, for each direction, (1 - rho^2) / (1 - 2 rho cos omega + rho^2), scaled so that a value of the ring has
    the deviation `std`. A side of 1 is a signal: it adds nothing. Raises `ValueError` for numbers that are not above 0.

    >>> exponential_spectrum((1, 4), length=1.0).mean().item()
    1.0
    """
    rho, spectrum = _rho(length), torch.ones(1, 1, dtype=torch.float64)
    for axis, n in enumerate(check_pair(size, name="size")):
        omega = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
        own = (1 - rho**2) / (1 - 2 * rho * omega.cos() + rho**2)
        spectrum = spectrum * (own / own.mean()).reshape(*((-1, 1), (1, -1))[axis])
    return check_positive(std, name="std", single=True) ** 2 * spectrum


def exponential_covariance(size: tuple[int, int], *, length: float, std: float = 1.0) -> torch.Tensor:
    """Sigma of a window of the plane, `(H W, H W)`, float64. Raises `ValueError` for numbers that are not above 0.

    >>> exponential_covariance((1, 2), length=1 / math.log(2)).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    rho = _rho(length)
    sides = [rho ** (torch.arange(n)[:, None] - torch.arange(n)).abs().double() for n in check_pair(size, name="size")]
    return check_positive(std, name="std", single=True) ** 2 * torch.kron(*sides)
