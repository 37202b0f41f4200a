"""The best linear filter for a kind of damage, fitted by least squares to pairs of clean and damaged photographs."""

from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d, pad, unfold

from deeprestore_lab.core.checks import check_units, check_whole, describe

DAMPING = 1e-8  # of the mean diagonal: keeps patches that are all alike solvable


@dataclass(frozen=True)
class LinearFilter:
    """y -> kernel * y + constant, for each channel alike; the border is reflected. `kernel` `(k, k)` as correlation.

    Calling it raises `ValueError` for what is no image batch in [0, 1] with noise.
    """

    kernel: torch.Tensor
    constant: float

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        n, c, h, w = check_units(y, name="y").shape
        extended = _extended(y.reshape(n * c, 1, h, w), len(self.kernel))
        return (conv2d(extended, self.kernel.to(y)[None, None]) + self.constant).reshape(n, c, h, w)


def fit_linear_filter(y: torch.Tensor, x: torch.Tensor, *, size: int = 9) -> LinearFilter:
    r"""The filter of `size` x `size` taps and the constant that minimise the mean of (kernel * y + constant - x)^2.

    The mean is over all pixels, channels and images of `y` and `x`, both `(N, C, H, W)`: the Wiener filter of limited
    size, with the statistics of these photographs. Solved by its normal equations in float64. Raises
    `ValueError` for an even size, or shapes that do not fit. Taught in chapter 04_denoising_autoencoders.

    >>> x = torch.rand(2, 1, 32, 32)
    >>> fitted = fit_linear_filter(2 * x - 0.5, x, size=3)
    >>> round(float(fitted.kernel[1, 1]), 3), round(fitted.constant, 3)
    (0.5, 0.25)
    """
    check_units(y, name="y"), check_units(x)
    if x.shape != y.shape:
        raise ValueError(f"x and y must have one shape, got {describe(x)} and {describe(y)}")
    if check_whole(size, name="size", least=1) % 2 == 0 or size // 2 >= min(y.shape[2:]):
        raise ValueError(f"size must be odd and less than twice the sides of the images, got {size}")
    count = size**2 + 1
    matrix, right = (y.new_zeros(sides, dtype=torch.float64) for sides in ((count, count), (count,)))
    for damaged, clean in zip(y.flatten(0, 1).double(), x.flatten(0, 1).double(), strict=True):
        rows = unfold(_extended(damaged[None, None], size), size)[0]  # (size^2, H W)
        rows = torch.cat([rows, torch.ones_like(rows[:1])])
        matrix += rows @ rows.T
        right += rows @ clean.flatten()
    matrix += DAMPING * matrix.diagonal().mean() * torch.eye(count).to(matrix)
    solution = torch.linalg.solve(matrix, right)
    return LinearFilter(solution[:-1].reshape(size, size), float(solution[-1]))


def _extended(y: torch.Tensor, size: int) -> torch.Tensor:
    return pad(y, [size // 2] * 4, mode="reflect")
