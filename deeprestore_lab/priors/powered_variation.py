"""Total variation, each norm raised to a power, as in inverting networks. Taught in chapter 09_preimages."""

import torch

from deeprestore_lab.core.checks import check_choice, check_positive
from deeprestore_lab.energies import Quadratic
from deeprestore_lab.operators import Gradient
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.tv_denoise import COLOURS


class PoweredVariation(Prior):
    r"""sum over pixels of (||forward differences|| / scale)^beta, with beta above 1: smooth, unlike total variation.

    `colour` "channel" (the default, as in the source) takes the Euclidean norm of the two differences of each channel
    and sums over the channels too; "joint" takes the norm over the channels. `scale` is in the units of x. With beta =
    2 it is quadratic, 2 / scale^2 times `Tikhonov("gradient")`, for both; towards beta = 1 it becomes the isotropic
    `TotalVariation` over `scale`. Differences over the border are zero.

    Shapes: x `(N, C, H, W)`, value `(N,)`, a sum over pixels. Raises `ValueError` for a `beta` not above 1, a `scale`
    not above 0, or another `colour`. Source: Mahendran & Vedaldi (2016), section 3.1, with beta = 2 and a scale of
    80 / 6.5 in bytes; differs from it in that it is a sum, not a mean. Taught in chapter 09_preimages.

    >>> edge = torch.tensor([[[[0.0, 3.0], [0.0, 3.0]]]])  # one edge of height 3, two pixels long
    >>> float(PoweredVariation(beta=2.0)(edge))
    18.0
    """

    def __init__(self, *, beta: float = 2.0, scale: float = 1.0, colour: str = "channel") -> None:
        self.beta = check_positive(beta, name="beta", single=True)
        if self.beta <= 1:
            raise ValueError(f"beta must be above 1, got {beta}; with 1 it is TotalVariation")
        self.scale = check_positive(scale, name="scale", single=True)
        self.colour = check_choice(colour, COLOURS, name="colour")

    @property
    def name(self) -> str:
        return f"variation to the power {self.beta:g}"

    def value(self, x: torch.Tensor) -> torch.Tensor:
        joined = (1, 2) if self.colour == "joint" else 2
        differences = Gradient().apply(x) / self.scale
        squared = (differences.abs() if x.is_complex() else differences).square().sum(joined)
        if self.beta < 2:  # the power of a square has no derivative at zero; that of its root has
            squared = squared.clamp_min(torch.finfo(x.dtype).tiny)
        return squared.pow(self.beta / 2).flatten(1).sum(1)

    def quadratic(self) -> Quadratic | None:
        return Quadratic(Gradient(), 0.0, 2 / self.scale**2) if self.beta == 2 else None
