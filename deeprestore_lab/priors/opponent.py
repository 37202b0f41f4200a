"""A prior of grey pictures for colour ones: luminance by itself, and two colour differences with a smaller weight.

Taught in chapter 18_preimages_with_priors.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_positive, check_weight, describe
from deeprestore_lab.energies import Energy
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.field_of_experts import OPPONENT


class ByOpponent(Prior):
    r"""R(x) = R_grey(luminance) + chroma_weight sum over two differences of R_grey(chroma_scale * difference).

    Colour pictures `(N, 3, H, W)` go to luminance, (red + green + blue) / 3, and two orthonormal colour differences,
    as in `FieldOfExperts`, which does the same for itself; those vary less, so they are scaled up. `prior` is an energy
    of grey pictures `(N, 1, H, W)`, such as a `RidgeRegulariser`. The value is `(N,)`, in the units of `prior`; a grey
    picture in three channels has the value of one. There are no calibrated weights. Raises `ValueError` for what is no
    energy, and for pictures that are not in colour. Taught in chapter 18_preimages_with_priors.

    >>> from deeprestore_lab.priors import TotalVariation
    >>> grey = torch.rand(1, 1, 8, 8)
    >>> bool(torch.allclose(ByOpponent(TotalVariation())(grey.expand(-1, 3, -1, -1)), TotalVariation()(grey)))
    True
    """

    def __init__(self, prior: Energy, *, chroma_scale: float = 1.7, chroma_weight: float = 0.5) -> None:
        if not isinstance(prior, Energy):
            raise ValueError(f"prior must be an energy of grey pictures, got {describe(prior)}")
        self.prior = prior
        self.chroma_scale = check_positive(chroma_scale, name="chroma_scale", single=True)
        self.chroma_weight = check_weight(chroma_weight, name="chroma_weight", single=True)

    @property
    def name(self) -> str:
        return self.prior.name

    @property
    def smooth(self) -> bool:
        return self.prior.smooth

    def value(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] != 3:
            raise ValueError(f"x must be in colour, (N, 3, H, W), got {describe(x)}")
        scale = x.new_tensor([3**-0.5, self.chroma_scale, self.chroma_scale])
        planes = torch.einsum("dc,nchw->ndhw", scale[:, None] * x.new_tensor(OPPONENT), x)
        values = self.prior(planes.flatten(0, 1)[:, None]).view(x.shape[:2])
        return values @ x.new_tensor([1.0, self.chroma_weight, self.chroma_weight])
