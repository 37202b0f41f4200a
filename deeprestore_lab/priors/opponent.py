"""A prior of grey pictures for colour ones: luminance by itself, and two colour differences with a smaller weight.

Taught in chapter 18_preimages_with_priors.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_positive, check_weight, describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.energies import Energy, Weight
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.field_of_experts import OPPONENT


class ByOpponent(Prior):
    r"""R(x) = R_grey(luminance) + chroma_weight sum over two differences of R_grey(chroma_scale * difference).

    Colour pictures `(N, 3, H, W)` go to luminance, (red + green + blue) / 3, and two orthonormal colour differences,
    as in `FieldOfExperts`, which does the same for itself; those vary less, so they are scaled up. `prior` is an energy
    of grey pictures `(N, 1, H, W)`, such as a `RidgeRegulariser`. The value is `(N,)`, in the units of `prior`; a grey
    picture in three channels has the value of one. Where `prior` has a proximal step in closed form or to its own
    tolerance, so has this: luminance and differences are orthogonal, and each takes a step of its own. One that comes
    by iterations with a gap, as total variation's, is not passed on, nor are bounds, which hold the colours together.
    There are no calibrated weights. Raises `ValueError` for what is no energy, and for pictures that are not in
    colour. Taught in chapter 18_preimages_with_priors.

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
        scales, shares = [3**-0.5, self.chroma_scale, self.chroma_scale], [1.0, self.chroma_weight, self.chroma_weight]
        self._constants = Constants(*(torch.tensor(own, dtype=torch.float64) for own in (OPPONENT, scales, shares)))

    @property
    def name(self) -> str:
        return self.prior.name

    @property
    def smooth(self) -> bool:
        return self.prior.smooth

    def value(self, x: torch.Tensor) -> torch.Tensor:
        planes, _, _, share = self._planes(x)
        return self.prior(planes.flatten(0, 1)[:, None]).view(x.shape[:2]) @ share

    @property
    def has_prox(self) -> bool:
        return self.prior.has_prox and not self.prior.has_inexact_prox

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        r"""The step of each plane a l, l one of the orthonormal coordinates of v: prox_{a^2 share step R}(a l) / a."""
        if not self.has_prox:
            return super().prox(v, step)
        planes, axes, scale, share = self._planes(v)
        each = (torch.as_tensor(step).to(v).reshape(-1, 1) * (scale.square() * share)).expand(len(v), -1)
        found = self.prior.prox(planes.flatten(0, 1)[:, None], each.reshape(-1)).view(v.shape)
        return torch.einsum("dc,ndhw->nchw", axes, found / scale[:, None, None])

    def _planes(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Scaled luminance and differences `(N, 3, H, W)`; orthonormal axes, scales and shares of the planes."""
        if x.shape[1] != 3:
            raise ValueError(f"x must be in colour, (N, 3, H, W), got {describe(x)}")
        axes, scale, share = self._constants.like(x)
        return torch.einsum("dc,nchw->ndhw", scale[:, None] * axes, x), axes, scale, share
