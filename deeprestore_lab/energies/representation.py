"""How far a representation is from the one asked for.

Taught in chapter 09_preimages.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.checks import describe
from deeprestore_lab.energies.base import Energy, Quadratic
from deeprestore_lab.energies.shapes import check_batch, check_fit
from deeprestore_lab.operators.base import LinearOperator, Operator


class RepresentationError(Energy):
    r"""||phi(x) - target||^2 / ||target||^2: how far a representation is from the one asked for.

    The normalised error of Mahendran & Vedaldi (2015), equation 2, without its square root. `target` is
    `phi` of some image, `(N, ...)` or of batch 1; the value is `(N,)`, each sum over all values of a representation.
    Not in nats: 1 is the error of a representation of zeros. Raises `ValueError` for a target that is no batch of
    finite values with one other than zero, or of another shape than phi(x). Taught in chapter 09_preimages.

    >>> from deeprestore_lab.operators import Identity
    >>> target = torch.full((1, 1, 2, 2), 0.5)
    >>> float(RepresentationError(Identity(), target)(2 * target))
    1.0
    """

    def __init__(self, phi: Operator | Callable, target: torch.Tensor) -> None:
        if not callable(phi):
            raise ValueError(f"phi must be callable, got {describe(phi)}")
        check_batch(target, name="target")
        self.phi, self.target = phi, target.detach()
        self.scale = self.target.square().flatten(1).sum(1)
        if not (self.scale > 0).all() or not torch.isfinite(self.scale).all():
            raise ValueError(
                "target must be finite and not all zero for any image: its norm is what the error is divided by"
            )

    def value(self, x: torch.Tensor) -> torch.Tensor:
        seen = check_fit(self.phi(x), self.target, names=("phi(x)", "the target"))
        error = (seen - self.target.to(seen)).square().flatten(1).sum(1)
        return error / self.scale.to(error)

    def quadratic(self) -> Quadratic | None:
        if not isinstance(self.phi, LinearOperator):
            return None
        return Quadratic(self.phi, self.target, 2 / self.scale)
