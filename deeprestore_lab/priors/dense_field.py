"""Gaussian fields with any covariance, as a dense matrix for small images. Taught in chapter 10_map."""

from __future__ import annotations

import math

import torch

from deeprestore_lab.core.checks import describe, per_image
from deeprestore_lab.energies import Weight
from deeprestore_lab.operators import MatrixOperator
from deeprestore_lab.operators.matrix import LARGEST
from deeprestore_lab.priors.gaussian_field import GaussianField


class DenseField(GaussianField):
    """N(mean, C) with C a symmetric positive definite matrix over images of `shape` (C, H, W), flattened in that order.

    `covariance` is `(n, n)` with n = C H W of 4096 at most; `mean` a number or a tensor that broadcasts to `shape`.
    Raises `ValueError` for a matrix that is no covariance.

    >>> field = DenseField(0.25 * torch.eye(4), (1, 2, 2), mean=0.5)
    >>> float(field(torch.ones(1, 1, 2, 2)))  # four pixels, each one deviation off
    2.0
    """

    def __init__(
        self, covariance: torch.Tensor, shape: tuple[int, int, int], *, mean: float | torch.Tensor = 0.5
    ) -> None:
        n = math.prod(shape)
        if not isinstance(covariance, torch.Tensor) or covariance.shape != (n, n) or n > LARGEST:
            raise ValueError(
                f"covariance of images of {tuple(shape)} must be a tensor ({n}, {n}), {LARGEST} at most; "
                f"got {describe(covariance)}"
            )
        matrix = covariance.detach().to("cpu", torch.float64)
        if not torch.isfinite(matrix).all() or not torch.allclose(matrix, matrix.mT, rtol=1e-5, atol=1e-12):
            raise ValueError("covariance must be finite and symmetric")
        factor, failed = torch.linalg.cholesky_ex((matrix + matrix.mT) / 2)
        if failed:
            raise ValueError("covariance must be positive definite; add a small multiple of the identity")
        identity = torch.eye(n, dtype=torch.float64)
        self._set(factor, torch.linalg.solve_triangular(factor, identity, upper=False), shape, mean)

    def _set(self, factor: torch.Tensor, inverse: torch.Tensor, shape: tuple[int, ...], mean) -> None:
        super().__init__(shape, mean)
        self.factor = factor  # C = factor factor^T
        self.whitener = MatrixOperator(inverse, self.shape, self.shape)
        self.log_determinant = 2 * float(torch.linalg.slogdet(factor).logabsdet)
        self._eigen: dict[tuple[torch.dtype, torch.device], tuple[torch.Tensor, torch.Tensor]] = {}

    @classmethod
    def from_factor(
        cls, factor: torch.Tensor, inverse: torch.Tensor, shape: tuple[int, int, int], *, mean: float | torch.Tensor
    ) -> DenseField:
        """The field of covariance factor factor^T, where the inverse of `factor` is known; both float64 on the CPU."""
        field = cls.__new__(cls)
        field._set(factor, inverse, shape, mean)
        return field

    def colour(self, white: torch.Tensor) -> torch.Tensor:
        return (white.flatten(1) @ self.factor.to(white).mT).reshape(white.shape)

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """(I + step C^-1)^-1 applied to v - mean, plus the mean, by the eigenvectors of C."""
        centred, (values, vectors) = self._centred(v), self._eigen_like(v)
        flat = centred.flatten(1) @ vectors
        shrunk = flat * (values / (values + per_image(step, flat)))
        return self._means.like(v)[0] + (shrunk @ vectors.mT).reshape(v.shape)

    def _eigen_like(self, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Eigenvalues and eigenvectors of C, found once, and once in each precision and on each device."""
        exact, key = (torch.float64, torch.device("cpu")), (v.dtype, v.device)
        with torch.inference_mode(False):  # what is kept must stay usable where gradients are taken
            if exact not in self._eigen:
                self._eigen[exact] = tuple(torch.linalg.eigh(self.covariance()))
            if key not in self._eigen:
                self._eigen[key] = tuple(part.to(v) for part in self._eigen[exact])
        return self._eigen[key]

    @property
    def variance(self) -> torch.Tensor:
        return self.factor.square().sum(1).reshape(1, *self.shape)

    def covariance(self) -> torch.Tensor:
        return self.factor @ self.factor.mT
