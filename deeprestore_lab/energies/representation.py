"""How far a representation is from the one asked for. Taught in chapter 09_preimages."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_choice, describe
from deeprestore_lab.energies.answers import Quadratic
from deeprestore_lab.energies.base import Energy
from deeprestore_lab.energies.shapes import check_batch, check_fit, squared_norm
from deeprestore_lab.operators.base import LinearOperator, Operator

NORMALISERS = ("target", "values", "none")


class RepresentationError(Energy):
    r"""||phi(x) - target||^2 / n: how far a representation is from the one asked for.

    `normaliser`: "target" takes n = ||target||^2, the normalised error of Mahendran & Vedaldi (2015), equation 2,
    without its square root: 1 is the error of a representation of zeros; "values" takes n = C h w, the number of
    values, which makes it the feature loss of Johnson et al. (2016), equation 2; "none" takes n = 1: on a Gram matrix
    that is their style loss, equation 4. `phi` is an operator, such as a layer of a network or `Gram() @ layer`;
    `target` is `phi` of some image, `(N, ...)` or of batch 1; the value is `(N,)`. Not in nats. Raises `ValueError` for
    a target that is no batch of finite values (with one other than zero, where it is divided by), of another shape
    than phi(x), and for another normaliser. Taught in chapters 07_feature_losses and 09_preimages.

    >>> from deeprestore_lab.operators import Identity
    >>> target = torch.full((1, 1, 2, 2), 0.5)
    >>> float(RepresentationError(Identity(), target)(2 * target))
    1.0
    >>> float(RepresentationError(Identity(), target, normaliser="values")(2 * target))
    0.25
    """

    def __init__(self, phi: Operator | Callable, target: torch.Tensor, *, normaliser: str = "target") -> None:
        if not callable(phi):
            raise ValueError(f"phi must be callable, got {describe(phi)}")
        check_batch(target, name="target")
        self.phi, self.target = phi, target.detach()
        self.normaliser = check_choice(normaliser, NORMALISERS, name="normaliser")
        squared = squared_norm(self.target)
        if not torch.isfinite(squared).all():
            raise ValueError("target must be finite, got values that are not")
        if normaliser == "target" and not (squared > 0).all():
            raise ValueError("target must not be all zero for any image: its norm is what the error is divided by")
        values = 1 if normaliser == "none" else self.target[0].numel()
        self.scale = squared if normaliser == "target" else torch.full_like(squared, values)

    @property
    def name(self) -> str:
        own = getattr(self.phi, "name", None)
        return f"representation error of {own}" if own else "representation error"

    def value(self, x: torch.Tensor) -> torch.Tensor:
        seen = check_fit(self.phi(x), self.target, names=("phi(x)", "the target"))
        error = squared_norm(seen - self.target.to(seen))
        return error / self.scale.to(error)

    def quadratic(self) -> Quadratic | None:
        if not isinstance(self.phi, LinearOperator):
            return None
        return Quadratic(self.phi, self.target, 2 / self.scale)
