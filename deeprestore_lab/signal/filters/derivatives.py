"""Derivatives of Gaussians: along many directions, and the few from which every direction follows.

Angles are in degrees, counter-clockwise from the horizontal, as in `motion_kernel`.
"""

import math

import torch

from deeprestore_lab.core.checks import check_positive, check_whole, describe
from deeprestore_lab.signal.filters.banks import unit_norm


def rotated_grid(radius: int, angle: float) -> tuple[torch.Tensor, torch.Tensor]:
    """How far each tap lies along `angle` (in radians) and across it, in pixels, each `(2 radius + 1,) * 2`."""
    place = torch.arange(-radius, radius + 1, dtype=torch.float64)
    up, right = -place[:, None], place
    return math.cos(angle) * right + math.sin(angle) * up, math.cos(angle) * up - math.sin(angle) * right


def check_radius(size: int | None, reach: float) -> int:
    """The radius of kernels of `size`, or of those that end at `reach` pixels where it is None.

    Raises `ValueError` for a size that is not odd.
    """
    if size is None:
        return max(1, math.ceil(reach))
    if check_whole(size, name="size", least=1) % 2 == 0:
        raise ValueError(f"size must be odd, got {describe(size)}")
    return size // 2


def oriented_derivatives(
    orientations: int = 8,
    *,
    sigma: float = 1.0,
    elongation: float = 2.0,
    size: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    r"""First derivatives of long Gaussians, -u exp(-u^2 / (2 sigma^2) - v^2 / (2 (elongation sigma)^2)), of norm 1.

    u runs along the angle k 180 / orientations of filter k, v across it. `sigma` is in pixels. Shape
    `(orientations, size, size)`; by default the kernels end at three standard deviations. Each sums to 0, so the bank
    alone loses the mean of an image. Raises `ValueError` for arguments out of range. Taught in chapter
    03_reconstruction.

    >>> bank = oriented_derivatives(2, size=3)
    >>> bank.shape, bool(bank.sum((1, 2)).abs().max() < 1e-6), bool(bank[0, 1, 0] > 0)
    (torch.Size([2, 3, 3]), True, True)
    """
    orientations = check_whole(orientations, name="orientations", least=1)
    sigma = check_positive(sigma, name="sigma", single=True)
    elongation = check_positive(elongation, name="elongation", single=True)
    radius = check_radius(size, 3 * sigma * max(1.0, elongation))
    bank = []
    for k in range(orientations):
        u, v = rotated_grid(radius, math.pi * k / orientations)
        bank.append(-u * torch.exp(-u.square() / (2 * sigma**2) - v.square() / (2 * (elongation * sigma) ** 2)))
    return unit_norm(torch.stack(bank)).to(dtype)


def steerable_filters(
    order: int = 2, *, sigma: float = 1.0, size: int | None = None, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    r"""The order + 1 directional derivatives of a Gaussian from which that along every angle is a weighted sum.

    Filter k is the derivative of that order along the angle k 180 / (order + 1), times sigma^order, of the sampled
    exp(-r^2 / (2 sigma^2)) divided by one number for all, such that filter 0 has norm 1. By default the kernels end at
    four sigma. `steering_weights` gives the sums. Raises `ValueError` for arguments out of range.
    Source: Freeman & Adelson (1991), theorem 3. Taught in chapter 03_reconstruction.
    """
    order = check_whole(order, name="order", least=1)
    count = order + 1
    bank = [directional_derivative(order, 180 * k / count, sigma=sigma, size=size) for k in range(count)]
    return (torch.stack(bank) / bank[0].norm()).to(dtype)


def directional_derivative(order: int, angle: float, *, sigma: float = 1.0, size: int | None = None) -> torch.Tensor:
    """sigma^order times the derivative of exp(-r^2 / (2 sigma^2)) along `angle`, `(size, size)`, float64.

    Raises `ValueError` for an order below 0, a sigma that is not above 0, and a size that is not odd.
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    radius = check_radius(size, 4 * sigma)
    u, v = rotated_grid(radius, math.radians(angle))
    before, hermite = torch.zeros_like(u), torch.ones_like(u)
    for n in range(check_whole(order, name="order", least=0)):  # He_{n+1}(t) = t He_n(t) - n He_{n-1}(t)
        before, hermite = hermite, u / sigma * hermite - n * before
    return (-1) ** order * hermite * torch.exp(-(u.square() + v.square()) / (2 * sigma**2))


def steering_weights(order: int, angle: float) -> torch.Tensor:
    r"""w with sum_k w_k h_k = the derivative along `angle`, for the bank of `steerable_filters`, `(order + 1,)`.

    w_k = 1 / (order + 1) sum_m c_m cos(m (angle - angle_k)) over m = order, order - 2, ... >= 0, with c_0 = 1 and
    c_m = 2 for the others (Freeman & Adelson 1991, equation 16).

    Raises `ValueError` for an order below 1.

    >>> steering_weights(1, 90.0).abs().round(decimals=6).tolist()
    [0.0, 1.0]
    """
    count = check_whole(order, name="order", least=1) + 1
    apart = math.radians(angle) - math.pi * torch.arange(count, dtype=torch.float64) / count
    waves = [(1.0 if m == 0 else 2.0) * torch.cos(m * apart) for m in range(order, -1, -2)]
    return torch.stack(waves).sum(0) / count
