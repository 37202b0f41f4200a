"""Kernels of common blurs, each summing to 1: Gaussian, out of focus, motion. Taught in chapter 10_map."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, check_whole


def _odd_size(size: int | None, default: int) -> int:
    if size is None:
        return default
    size = check_whole(size, name="size (an odd number of pixels)", least=1)
    if size % 2 == 0:
        raise ValueError(f"size must be an odd number of pixels, got {size!r}")
    return size


def gaussian_kernel(sigma: float, *, size: int | None = None, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """exp(-r^2 / (2 sigma^2)), scaled to sum 1, `(size, size)`.

    `sigma` is in pixels. `size` is odd; by default the kernel ends at 4 sigma, as in scipy.ndimage. Raises
    `ValueError` for a sigma that is not above 0 or a size that is even.

    >>> gaussian_kernel(1.0).shape
    torch.Size([9, 9])
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    radius = _odd_size(size, 2 * int(4 * sigma + 0.5) + 1) // 2
    profile = torch.exp(-(torch.arange(-radius, radius + 1, dtype=torch.float64).square()) / (2 * sigma**2))
    profile /= profile.sum()
    return (profile[:, None] * profile).to(dtype)


def disk_kernel(radius: float, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A lens out of focus: a disk of `radius` pixels, each pixel weighted by how much of it lies inside, summing to 1.

    The share is counted on a grid of 32 x 32 points in each pixel. The kernel is square and of odd size. Raises
    `ValueError` for a radius that is not above 0.
    """
    radius, fine = check_positive(radius, name="radius", single=True), 32
    reach = math.ceil(radius - 0.5) if radius > 0.5 else 0
    size = 2 * reach + 1
    position = (torch.arange(size * fine, dtype=torch.float64) + 0.5) / fine - size / 2
    inside = (position[:, None].square() + position.square() <= radius**2).to(torch.float64)
    kernel = inside.reshape(size, fine, size, fine).mean((1, 3))
    return (kernel / kernel.sum()).to(dtype)


def motion_kernel(length: float, *, angle: float = 0.0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A straight movement of `length` pixels at `angle` degrees, counter-clockwise from the horizontal, summing to 1.

    Points along the line are shared between the four pixels around them. The kernel is square and of odd size.
    Raises `ValueError` for a length that is not above 0.

    >>> motion_kernel(2.0)[1].tolist()
    [0.25, 0.5, 0.25]
    """
    length = check_positive(length, name="length", single=True)
    reach = math.ceil(length / 2)
    points = max(64, 64 * math.ceil(length))
    along = ((torch.arange(points, dtype=torch.float64) + 0.5) / points - 0.5) * length
    row, column = -math.sin(math.radians(angle)) * along, math.cos(math.radians(angle)) * along
    pixels = torch.arange(-reach, reach + 1, dtype=torch.float64)[:, None]
    rows, columns = (
        (1 - (pixels - row).abs()).clamp_min(0),
        (1 - (pixels - column).abs()).clamp_min(0),
    )  # (size, points)
    return (rows @ columns.T / points).to(dtype)
