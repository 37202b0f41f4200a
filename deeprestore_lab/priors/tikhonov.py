"""Tikhonov (Gaussian) priors: small values, or small differences between neighbours. Taught in chapter 10_map."""

import torch

from deeprestore_lab.core.checks import check_choice, per_image
from deeprestore_lab.energies import Quadratic, Weight
from deeprestore_lab.energies.shapes import squared_norm
from deeprestore_lab.operators import Gradient, Identity
from deeprestore_lab.priors.base import Prior, check_mean
from deeprestore_lab.signal.convolution import from_basis, to_basis

KINDS = ("gradient", "identity")


class Tikhonov(Prior):
    r"""1/2 ||L x||^2: the negative log-density of a Gaussian, up to a constant.

    `kind` "gradient": L is the forward difference in both directions, zero across the border, so the prior
    is a Gaussian on differences and leaves the mean of an image free. `kind` "identity": L x = x - `mean`.
    Shapes: `(N, C, H, W) -> (N,)`, a sum over pixels and channels. Source: Tikhonov & Arsenin (1977).
    Calibrated weights are for a `mean` of 0.5. Raises `ValueError` for another kind, or a mean that is not finite.

    >>> x = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    >>> float(Tikhonov("gradient")(x))  # two steps of height 1
    1.0
    """

    def __init__(self, kind: str = "gradient", *, mean: float = 0.5) -> None:
        self.kind = check_choice(kind, KINDS, name="kind")
        self.operator = Gradient() if kind == "gradient" else Identity()
        self.mean = check_mean(mean)
        self.target = 0.0 if kind == "gradient" else self.mean

    @property
    def name(self) -> str:
        return f"tikhonov {self.kind}"

    @property
    def calibration_key(self) -> str | None:
        usual = self.kind == "gradient" or self.mean == 0.5
        return f"tikhonov/{self.kind}" if usual else None

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return squared_norm(self.operator.apply(x) - self.target) / 2

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """(I + step L*L)^-1 applied to `v` (towards the mean): exact, by the cosine transform."""
        step = per_image(step, v)
        eigenvalues = self.operator.normal_eigenvalues(v, "dct")
        if self.kind == "identity":
            return (v + step * self.target) / (1 + step)
        return from_basis(to_basis(v, "dct") / (1 + step * eigenvalues), "dct", v)

    def quadratic(self) -> Quadratic:
        return Quadratic(self.operator, self.target, 1.0)
