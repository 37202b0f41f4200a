"""The forward operator A of the equation E(A x, y) + R(x): what a measurement does to an image.

Every operator is a callable `(N, C, H, W) -> (N, ...)`. A linear one also has an adjoint, tested by
<A x, y> = <x, A* y>, and where the structure allows it an exact solve of (A*A + rho I) x = y.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import EXACT, check_images, check_positive, class_words, per_image
from deeprestore_lab.core.checks.module_order import check_module_order
from deeprestore_lab.operators.lanczos import largest_ritz_values
from deeprestore_lab.signal.convolution import from_basis, to_basis

BASES = ("fft", "dct")


class Operator:
    """A map from an image batch to a measurement batch; `A @ B` composes two of them, B first.

    An operator with parameters names its operator before torch's module: `class Learned(Operator, nn.Module)`; its
    `apply` then stands before `nn.Module.apply`, which goes through submodules. Raises `TypeError` for a class that
    names them in the other order.
    """

    linear = False
    image_units = False  # gives values in the units of the image: in [0, 1], or nearly, for images in [0, 1]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        check_module_order(cls, Operator)

    @property
    def name(self) -> str:
        """The operator's name in reports."""
        return class_words(self)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """A x for a batch that was already checked."""
        raise NotImplementedError(f"{type(self).__name__} does not define apply")

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if not (isinstance(x, torch.Tensor) and x.ndim == 4 and x.dtype in EXACT and x.numel()):
            check_images(x)  # says what is wrong; loops pay for the line above alone
        return self.apply(x)

    def __matmul__(self, other: Operator) -> Operator:
        if not isinstance(other, Operator):
            return NotImplemented
        return compose(self, other)


class LinearOperator(Operator):
    """An operator that is linear: it has an adjoint, and sometimes an exact regularised solve."""

    linear = True
    diagonal_basis: str | None = None  # "fft" or "dct" where A maps images to images and is diagonal there

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        """A* y, the transpose of A applied to a measurement batch. Raises `ValueError` where a subclass has none."""
        raise ValueError(
            f"{type(self).__name__} is a LinearOperator and does not define adjoint; define it, "
            "or derive from Operator, which needs none"
        )

    @property
    def normal_basis(self) -> str | None:
        """The basis, "fft" or "dct", in which A*A is diagonal; A itself may change the shape, as a gradient does."""
        return self.diagonal_basis

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        """The exact x of (A*A + rho I) x = y, `y` an image batch, `rho` a float or `(N,)`, above 0.

        By default a division in `normal_basis`. Raises `NotImplementedError` where no exact solve is known: use
        conjugate gradients. Raises `ValueError` where a subclass names a basis and not the eigenvalues there.
        """
        basis = self.normal_basis
        if basis is None:
            raise NotImplementedError(f"{self.name} has no exact solve; solve by conjugate gradients instead")
        eigenvalues = self.normal_eigenvalues(y, basis)
        if eigenvalues is None:
            raise ValueError(f"{self.name} is diagonal in the basis {basis!r} and normal_eigenvalues there gives None")
        eigenvalues = eigenvalues + per_image(check_positive(rho, name="rho"), y)
        return from_basis(to_basis(y, basis) / eigenvalues, basis, y)

    @property
    def has_solve(self) -> bool:
        """Whether `solve` is exact for this operator."""
        return self.normal_basis is not None or type(self).solve is not LinearOperator.solve

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        """Eigenvalues of A*A for images shaped like `x`, or None where `basis` does not diagonalise it.

        `basis` "fft": the layout of `torch.fft.rfft2`, `(..., H, W // 2 + 1)`. `basis` "dct": the orthonormal
        DCT-II in both directions, `(..., H, W)`. The result broadcasts against the transform of `x`.
        """
        return None

    def norm(self, x: torch.Tensor) -> float | torch.Tensor:
        """An upper bound on the spectral norm of A on images shaped like `x`: one number, or `(N,)`, one per image.

        By default the square root of the largest of `normal_eigenvalues`, rounded up. Without them, the largest Ritz
        value of 30 Lanczos steps from a random start plus 5 %, which falls short with a probability below 1e-4 for
        images of up to a million values (Kuczynski & Wozniakowski 1992, theorem 4.2).
        """
        for basis in BASES:
            eigenvalues = self.normal_eigenvalues(x, basis)
            if eigenvalues is not None and eigenvalues.ndim == 4 and len(eigenvalues) > 1:
                return eigenvalues.flatten(1).amax(1).sqrt() * (1 + 1e-6)
            if eigenvalues is not None:
                return float(eigenvalues.max()) ** 0.5 * (1 + 1e-6)
        largest = 1.05 * largest_ritz_values(self, x) ** 0.5
        return largest.to(x.real) if len(largest) > 1 else float(largest)


class Identity(LinearOperator):
    """A x = x: the measurement of denoising. Its solve raises `ValueError` for a rho not above 0."""

    image_units = True

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return y

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        return y / (1 + per_image(check_positive(rho, name="rho"), y))

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        return x.new_ones(1, 1, 1, 1)


class Composition(Operator):
    """outer(inner(x)) for operators of which at least one is not linear."""

    def __init__(self, outer: Operator, inner: Operator) -> None:
        self.outer, self.inner = outer, inner

    @property
    def name(self) -> str:
        return f"{self.outer.name} of {self.inner.name}"

    @property
    def image_units(self) -> bool:
        return self.outer.image_units and self.inner.image_units

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return self.outer.apply(self.inner.apply(x))


class LinearComposition(Composition, LinearOperator):
    """outer(inner(x)) for two linear operators; its adjoint applies the adjoints in reverse order."""

    linear = True

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return self.inner.adjoint(self.outer.adjoint(y))

    @property
    def diagonal_basis(self) -> str | None:
        same = self.inner.diagonal_basis == self.outer.diagonal_basis
        return self.inner.diagonal_basis if same else None

    @property
    def normal_basis(self) -> str | None:
        same = self.inner.diagonal_basis == self.outer.normal_basis
        return self.inner.diagonal_basis if same else None

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        if self.inner.diagonal_basis != basis:  # a diagonal A*A is not enough: a shuffle has that too
            return None
        outer, inner = (own.normal_eigenvalues(x, basis) for own in (self.outer, self.inner))
        return None if outer is None or inner is None else outer * inner

    def norm(self, x: torch.Tensor) -> float | torch.Tensor:
        """Exact where A*A is diagonal, else the product of the two norms."""
        if self.normal_basis is not None:
            return super().norm(x)
        return self.outer.norm(self.inner.apply(x)) * self.inner.norm(x)


def compose(outer: Operator, inner: Operator) -> Operator:
    """The operator x -> outer(inner(x)); the identity disappears."""
    if isinstance(inner, Identity):
        return outer
    if isinstance(outer, Identity):
        return inner
    both = outer.linear and inner.linear
    return (LinearComposition if both else Composition)(outer, inner)
