"""Downsampling as two dense matrices, one for each direction. Taught in chapter 10_map."""

import math
from functools import lru_cache

import torch

from deeprestore_lab.core.checks import check_choice, check_positive, check_whole, describe, per_image
from deeprestore_lab.operators.base import LinearOperator

KERNELS = ("bicubic", "lanczos", "average")
BORDERS = ("clip", "circular")
_SUPPORT = {"bicubic": 2.0, "lanczos": 3.0, "average": 0.5}  # in pixels of the small image


def _profile(kernel: str, t: torch.Tensor) -> torch.Tensor:
    t = t.abs()
    if kernel == "bicubic":  # Keys' cubic with a = -1/2
        near = (1.5 * t - 2.5) * t.square() + 1
        far = ((-0.5 * t + 2.5) * t - 4) * t + 2
        return torch.where(t < 1, near, torch.where(t < 2, far, 0.0))
    if kernel == "lanczos":
        return torch.where(t < 3, torch.sinc(t) * torch.sinc(t / 3), 0.0)
    return (t < 0.5).to(t)


@lru_cache(maxsize=32)
def _matrix(n: int, factor: int, kernel: str, border: str) -> torch.Tensor:
    matrix = torch.zeros(n // factor, n, dtype=torch.float64)
    reach = _SUPPORT[kernel] * factor
    for row in range(n // factor):
        centre = (row + 0.5) * factor
        first, last = math.floor(centre - reach), math.ceil(centre + reach)
        if border == "clip":
            first, last = max(first, 0), min(last, n)
        pixels = torch.arange(first, last)
        weights = _profile(kernel, (pixels.to(matrix) + 0.5 - centre) / factor)
        matrix[row].index_add_(0, pixels % n, weights / weights.sum())
    return matrix


def downsampling_matrix(n: int, factor: int, *, kernel: str = "bicubic", border: str = "clip") -> torch.Tensor:
    """R `(n // factor, n)` in float64: each row holds the kernel, stretched by `factor`, and sums to 1.

    The arguments are those of `Downsample`, in one direction. Raises `ValueError` as it does.
    """
    check_choice(kernel, KERNELS, name="kernel")
    check_choice(border, BORDERS, name="border")
    if n % factor:
        raise ValueError(f"a size of {n} pixels does not divide by the factor {factor}; crop the image first")
    return _matrix(n, factor, kernel, border).clone()


@lru_cache(maxsize=64)
def _prepared(n: int, factor: int, kernel: str, border: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):
        return downsampling_matrix(n, factor, kernel=kernel, border=border).to(device=device, dtype=dtype)


@lru_cache(maxsize=64)
def _eigenbasis(
    n: int, factor: int, kernel: str, border: str, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.inference_mode(False):
        matrix = downsampling_matrix(n, factor, kernel=kernel, border=border)
        _, singular, vectors = torch.linalg.svd(matrix, full_matrices=True)
        values = torch.cat([singular.square(), singular.new_zeros(n - len(singular))])  # of R^T R
        return values.to(device=device, dtype=dtype), vectors.mT.contiguous().to(device=device, dtype=dtype)


class Downsample(LinearOperator):
    r"""A X = R_h X R_w^T for each channel: `(N, C, H, W) -> (N, C, H / factor, W / factor)`.

    Each R is a kernel stretched by `factor`, which averages away what the small image cannot hold: "bicubic" (Keys'
    cubic, a = -1/2), "lanczos" (three lobes) or "average" (of each block). Kernel parts that reach out of the image
    are left out and the rest is scaled up to sum 1 (`border` "clip", as Pillow, and torch's `interpolate` with
    `antialias=True`), or wrap around ("circular"). Values are not rounded or clipped to [0, 1]: bicubic and Lanczos
    overshoot. The solve is exact, in the eigenbasis of each R^T R. Raises `ValueError` for a factor that is not a
    whole number above 1, another kernel or border, or a size that does not divide by the factor.

    >>> Downsample(2, kernel="average")(torch.arange(4.0).reshape(1, 1, 2, 2)).tolist()
    [[[[1.5]]]]
    """

    image_units = True

    def __init__(self, factor: int, *, kernel: str = "bicubic", border: str = "clip") -> None:
        self.factor = check_whole(factor, name="factor", least=2)
        self.kernel = check_choice(kernel, KERNELS, name="kernel")
        self.border = check_choice(border, BORDERS, name="border")

    def _matrices(self, size: tuple[int, ...], like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if size[0] % self.factor or size[1] % self.factor:
            raise ValueError(
                f"an image of {size[0]} x {size[1]} does not divide by the factor {self.factor}; crop it first"
            )
        settings = (self.factor, self.kernel, self.border, like.dtype, like.device)
        return _prepared(size[0], *settings), _prepared(size[1], *settings)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        down, right = self._matrices(x.shape[-2:], x)
        return down @ (x @ right.mT)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        down, right = self._matrices((y.shape[-2] * self.factor, y.shape[-1] * self.factor), y)
        return (down.mT @ y) @ right

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        self._matrices(y.shape[-2:], y)
        if y.ndim != 4:
            raise ValueError(f"y must be an image batch (N, C, H, W), got {describe(y)}")
        settings = (self.factor, self.kernel, self.border, y.dtype, y.device)
        (down, v), (right, w) = _eigenbasis(y.shape[-2], *settings), _eigenbasis(y.shape[-1], *settings)
        eigenvalues = down[:, None] * right + per_image(check_positive(rho, name="rho"), y)
        return v @ ((v.mT @ y @ w) / eigenvalues) @ w.mT

    def norm(self, x: torch.Tensor) -> float:
        """The product of the largest singular values of the two matrices."""
        down, right = self._matrices(x.shape[-2:], x.new_empty(0, dtype=torch.float64, device="cpu"))
        return float(torch.linalg.matrix_norm(down, 2) * torch.linalg.matrix_norm(right, 2)) * (1 + 1e-6)
