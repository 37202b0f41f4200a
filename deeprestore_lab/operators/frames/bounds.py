"""How well a bank of filters holds an image: frame bounds, redundancy, and the error that noise on responses leaves.

All images are in float64 until the end, since bounds near zero are what one looks for.
"""

from typing import NamedTuple

import torch

from deeprestore_lab.core.checks import check_pair, check_positive, describe
from deeprestore_lab.operators.filter_bank import FilterBank
from deeprestore_lab.signal.convolution import frequency_counts


class FrameBounds(NamedTuple):
    """The largest A and the smallest B with A ||x||^2 <= sum_k ||h_k * x||^2 <= B ||x||^2 for every image."""

    lower: float
    upper: float

    @property
    def is_frame(self) -> bool:
        """Whether every image can be had back from its responses: A > 0, beyond rounding."""
        return self.lower > 1e-12 * self.upper

    @property
    def is_tight(self) -> bool:
        """Whether A = B, up to rounding to a millionth: the adjoint over A is then the inverse."""
        return self.upper <= (1 + 1e-6) * self.lower


def power(bank: torch.Tensor | FilterBank, size: tuple[int, int]) -> torch.Tensor:
    """sum_k |h_k|^2 at every frequency of H x W images, `(H, W // 2 + 1)` in the layout of `torch.fft.rfft2`, float64.

    `bank` `(K, kh, kw)` or an operator made of one, `size` (H, W). Its mean over all H W frequencies is
    sum_k ||h_k||^2 (Parseval). Raises `ValueError` for a size that is no pair of whole numbers or smaller than the
    filters.
    """
    if not isinstance(size, tuple | list):
        raise ValueError(f"size must be a pair (H, W), got {describe(size)}")
    size = check_pair(size, name="size")
    operator = bank if isinstance(bank, FilterBank) else FilterBank(bank)
    return operator.power(size)


def frame_bounds(bank: torch.Tensor | FilterBank, size: tuple[int, int]) -> FrameBounds:
    """The frame bounds of a bank on images of `size` (H, W) with circular borders: min and max of `power`.

    These are the extreme eigenvalues of A*A, exactly, for the frequencies that such an image has.
    Source: Kovacevic & Chebira (2008), section 4. Taught in chapter 03_reconstruction.

    >>> from deeprestore_lab.signal.filters import cosine_filters, random_filters
    >>> bounds = frame_bounds(cosine_filters(4), (16, 16))
    >>> round(bounds.lower, 6), round(bounds.upper, 6), bounds.is_tight
    (16.0, 16.0, True)
    """
    values = power(bank, size)
    return FrameBounds(float(values.min()), float(values.max()))


def redundancy(bank: torch.Tensor | FilterBank) -> int:
    """Responses per pixel: the number of filters. The memory of the responses is this many images."""
    return len(bank if isinstance(bank, FilterBank) else FilterBank(bank))


def response_noise_error(bank: torch.Tensor | FilterBank, size: tuple[int, int], *, sigma: float = 1.0) -> float:
    r"""E||x' - x||^2 per pixel of least squares from responses with noise: sigma^2 mean over frequencies of 1 / power.

    Every response has independent Gaussian noise of `sigma`. The noise of x' is (A*A)^-1 A* n, with covariance
    sigma^2 (A*A)^-1, whose trace is this times the number of pixels. It lies between sigma^2 / B and sigma^2 / A. By
    Jensen's inequality it is at least sigma^2 / sum_k ||h_k||^2, with equality for tight frames. Infinite where a
    frequency is lost. Raises `ValueError` for a sigma that is not above 0. Taught in chapter 03_reconstruction.

    >>> from deeprestore_lab.signal.filters import cosine_filters
    >>> round(response_noise_error(cosine_filters(4), (16, 16)), 6)  # a sixteenth
    0.0625
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    values = power(bank, size)
    if not FrameBounds(float(values.min()), float(values.max())).is_frame:
        return float("inf")
    counts = frequency_counts(size[1])
    return sigma**2 * float((counts / values).sum() / (counts.sum() * size[0]))
