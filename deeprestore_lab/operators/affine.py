"""Affine views: the picture turned, scaled and moved, by one interpolation. Taught in chapter 20_visualisation."""

import math

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.operators.base import LinearOperator, Operator


class Affine(LinearOperator):
    r"""(A x)(p) = x(M p + t), p and what it reads in pixels (down, right) from the centre of the image.

    `matrix` is (M | t), a finite float tensor `(2, 3)`. Between pixels the four neighbours are mixed (bilinear); beyond
    the border the image goes on as in a mirror, each edge pixel twice. Images `(N, C, H, W)` keep their size. The
    adjoint is exact. `A @ B` of two such is one again, (M_B M_A | M_B t_A + t_B), with one interpolation in the place
    of two. Nothing is smoothed before it is made smaller. Raises `ValueError` for another matrix. Taught in chapter
    20_visualisation.

    >>> Affine.moved(0, 1)(torch.tensor([[[[1.0, 2.0, 3.0]]]])).tolist()
    [[[[1.0, 1.0, 2.0]]]]
    """

    image_units = True

    def __init__(self, matrix: torch.Tensor) -> None:
        if not isinstance(matrix, torch.Tensor) or matrix.shape != (2, 3) or not matrix.is_floating_point():
            raise ValueError(f"matrix must be a float tensor (2, 3), got {describe(matrix)}")
        if matrix.device.type == "cpu" and not torch.isfinite(matrix).all():  # elsewhere asking waits for the device
            raise ValueError("matrix must be finite, got values that are not")
        self.matrix = matrix.detach()

    @classmethod
    def turned(cls, degrees: float) -> "Affine":
        """Turned about the centre, anticlockwise."""
        return cls(turning(torch.tensor(float(degrees), dtype=torch.float64)))

    @classmethod
    def scaled(cls, factor: float) -> "Affine":
        """Enlarged about the centre by `factor`, above 0."""
        if not factor > 0:
            raise ValueError(f"factor must be above 0, got {factor!r}")
        return cls(scaling(torch.tensor(float(factor), dtype=torch.float64)))

    @classmethod
    def moved(cls, down: float, right: float) -> "Affine":
        """Moved by so many pixels."""
        return cls(moving(torch.tensor([float(down), float(right)], dtype=torch.float64)))

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.grid_sample(
            x, self._grid(x), mode="bilinear", padding_mode="reflection", align_corners=False
        )

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            at = torch.zeros_like(y).requires_grad_()
            return torch.autograd.grad(self.apply(at), at, y)[0]

    def _grid(self, x: torch.Tensor) -> torch.Tensor:
        """Where each pixel reads, in the units of `grid_sample`: (right, down), the image from -1 to 1."""
        height, width = x.shape[-2:]
        down, right = self.matrix.to(x)  # by numbers: tensors or lists of them would have to be brought to a GPU
        rows = [
            torch.stack([row[1] * (width / 2), row[0] * (height / 2), row[2]]) / (side / 2)
            for row, side in ((right, width), (down, height))
        ]
        grid = torch.nn.functional.affine_grid(torch.stack(rows)[None], [1, 1, height, width], align_corners=False)
        return grid.expand(x.shape[0], -1, -1, -1)

    def __matmul__(self, other: Operator) -> Operator:
        if not isinstance(other, Affine):
            return super().__matmul__(other)
        return Affine(joined(other.matrix, self.matrix))


def joined(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(M_1 M_2 | M_1 t_2 + t_1): where p reads, after `second` said where to look in what `first` shows."""
    first = first.to(second)
    moved = first[:, :2] @ second[:, 2:] + first[:, 2:]
    return torch.cat([first[:, :2] @ second[:, :2], moved], 1)


def turning(degrees: torch.Tensor) -> torch.Tensor:
    """The matrix of a turn about the centre, anticlockwise as it is seen."""
    cos, sin = torch.cos(degrees * math.pi / 180), torch.sin(degrees * math.pi / 180)
    zero = torch.zeros_like(cos)
    return torch.stack([cos, sin, zero, -sin, cos, zero]).reshape(2, 3)


def scaling(factor: torch.Tensor) -> torch.Tensor:
    """The matrix that enlarges by `factor` about the centre."""
    one, zero = 1 / factor, torch.zeros_like(factor)
    return torch.stack([one, zero, zero, zero, one, zero]).reshape(2, 3)


def moving(shift: torch.Tensor) -> torch.Tensor:
    """The matrix that moves the picture by `shift` `(2,)` pixels, down and to the right."""
    return torch.cat([torch.eye(2, dtype=shift.dtype, device=shift.device), -shift[:, None]], 1)
