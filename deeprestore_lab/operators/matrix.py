"""Operators as dense matrices, and back: for small sizes and for checking. Taught in chapter 10_map."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, describe, per_image
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.base import LinearOperator

LARGEST = 4096  # columns: 64 x 64 values, 128 MiB of float64 for a square matrix


def as_matrix(
    operator: LinearOperator, shape: tuple[int, int, int], *, dtype: torch.dtype = torch.float64, device: str = "cpu"
) -> torch.Tensor:
    """The matrix of a linear operator on images of `shape` (C, H, W): column k is A applied to unit image k.

    Rows run over the flattened measurement, columns over the flattened image. Raises `ValueError` for an operator
    that is not linear or an image of more than 4096 values.

    >>> from deeprestore_lab.operators.mask import Mask
    >>> as_matrix(Mask(torch.tensor([[1.0, 0.0]])), (1, 1, 2)).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    if len(shape) != 3:
        raise ValueError(f"shape must be (C, H, W), got {tuple(shape)}")
    if not isinstance(operator, LinearOperator):
        raise ValueError(f"{getattr(operator, 'name', operator)!r} is not a linear operator and has no matrix")
    size = math.prod(shape)
    if size > LARGEST:
        raise ValueError(f"images of {tuple(shape)} have {size} values; a dense matrix is made for {LARGEST} at most")
    units = torch.eye(size, dtype=dtype, device=device).reshape(size, *shape)
    columns = [operator(batch).flatten(1) for batch in units.split(256)]
    return torch.cat(columns).mT.contiguous()


class MatrixOperator(LinearOperator):
    """A x = matrix times the flattened image, `(N, *in_shape) -> (N, *out_shape)`.

    `matrix` is a finite float tensor `(M, K)`, K the product of `in_shape` (C, H, W), M that of `out_shape`. The
    solve is exact, by the eigenvectors of A*A. Raises `ValueError` for shapes that do not fit.
    """

    def __init__(self, matrix: torch.Tensor, in_shape: tuple[int, int, int], out_shape: tuple[int, ...]) -> None:
        if not isinstance(matrix, torch.Tensor) or matrix.ndim != 2 or not matrix.is_floating_point():
            raise ValueError(f"matrix must be a float tensor (M, K), got {describe(matrix)}")
        if not torch.isfinite(matrix).all():
            raise ValueError("matrix holds values that are not finite")
        if len(in_shape) != 3 or matrix.shape != (math.prod(out_shape), math.prod(in_shape)):
            raise ValueError(
                f"a matrix of shape {tuple(matrix.shape)} does not take {tuple(in_shape)} to {tuple(out_shape)}"
            )
        self.matrix, self.in_shape, self.out_shape = matrix.detach(), tuple(in_shape), tuple(out_shape)
        self._constants = Constants(self.matrix)
        self._eigen: Constants | None = None

    def _flat(self, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        if x.shape[1:] != torch.Size(shape):
            raise ValueError(f"expected a batch of shape (N, {', '.join(map(str, shape))}), got {describe(x)}")
        return x.flatten(1)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return (self._flat(x, self.in_shape) @ self._constants.like(x)[0].mT).reshape(-1, *self.out_shape)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return (self._flat(y, self.out_shape) @ self._constants.like(y)[0]).reshape(-1, *self.in_shape)

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        flat = self._flat(y, self.in_shape)
        if self._eigen is None:
            matrix = self.matrix.to(torch.float64)
            self._eigen = Constants(*torch.linalg.eigh(matrix.mT @ matrix))
        values, vectors = self._eigen.like(y)
        coefficients = (flat @ vectors) / (values.clamp_min(0) + per_image(check_positive(rho, name="rho"), flat))
        return (coefficients @ vectors.mT).reshape(y.shape)

    def norm(self, x: torch.Tensor) -> float:
        """The largest singular value."""
        return float(torch.linalg.matrix_norm(self.matrix.to(torch.float64), 2)) * (1 + 1e-6)
