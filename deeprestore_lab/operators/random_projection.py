"""Random numbers of an image, fewer than it has values: compressed sensing. Taught in chapter 10_map."""

import math

import torch

from deeprestore_lab.core.checks import check_pair, check_positive, check_seed, check_whole, describe, per_image
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.matrix import MatrixOperator


class RandomProjection(MatrixOperator):
    r"""A x = G x with G `(M, K)` of independent normal numbers of variance 1 / M: E ||A x||^2 = ||x||^2.

    `shape` is (C, H, W), K = C H W: the image's shape, which the adjoint needs and the measurement `(N, M)` has lost.
    `measurements` is M, `seed` draws G. The solve of (A*A + rho I) x = b is exact; where M < K by the eigenvectors of
    the smaller matrix A A*: x = (b - A*(A A* + rho I)^-1 A b) / rho, in float64, since for a small rho that is a
    difference of nearly equal numbers. G takes 4 M K bytes. Raises `ValueError` for
    a shape that is none, a number of measurements below 1 and images of another shape. Source: Candes & Tao (2006);
    Johnson & Lindenstrauss (1984). Taught in chapter 10_map.

    >>> A = RandomProjection((1, 8, 8), 16, seed=0)
    >>> A(torch.rand(2, 1, 8, 8)).shape, A.adjoint(torch.rand(2, 16)).shape
    (torch.Size([2, 16]), torch.Size([2, 1, 8, 8]))
    """

    def __init__(self, shape: tuple[int, int, int], measurements: int, *, seed: int = 0) -> None:
        if not isinstance(shape, tuple | list | torch.Size) or len(shape) != 3:
            raise ValueError(f"shape must be that of an image, (C, H, W), got {describe(shape)}")
        channels, size = check_whole(shape[0], name="channels", least=1), check_pair(shape[1:], name="size")
        rows = check_whole(measurements, name="measurements", least=1)
        generator = torch.Generator().manual_seed(check_seed(seed))
        matrix = torch.randn(rows, math.prod((channels, *size)), generator=generator) / rows**0.5
        super().__init__(matrix, (channels, *size), (rows,))

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        if self.matrix.shape[0] >= self.matrix.shape[1]:
            return super().solve(y, rho)
        given, y = y, y.to(torch.float64)
        if self._eigen is None:
            matrix = self.matrix.to(torch.float64)
            self._eigen = Constants(*torch.linalg.eigh(matrix @ matrix.mT))
        values, vectors = self._eigen.like(y)
        seen = self.apply(y) @ vectors
        rho = per_image(check_positive(rho, name="rho"), seen)
        inside = self.adjoint((seen / (values.clamp_min(0) + rho)) @ vectors.mT)
        x = (y - inside) / per_image(rho.flatten() if isinstance(rho, torch.Tensor) else rho, y)
        return x.to(given)
