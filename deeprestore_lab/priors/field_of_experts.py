"""The field of experts: learned filters at every place of a picture, a potential on each response.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from functools import partial

import torch
from torch.nn.functional import pad

from deeprestore_lab.core.checks import check_choice, check_positive, check_weight, check_whole, describe
from deeprestore_lab.networks.trained import shipped_weights
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.priors.field_pass import GradientAlong, field_gradient, field_pass
from deeprestore_lab.priors.placed_filters import curvature_bound
from deeprestore_lab.signal.filters import check_bank

GRID = 128  # frequencies a side at which the filters' power is looked at
BORDERS = ("mirror", "valid")
OPPONENT = (  # orthonormal: luminance, red against blue, green against both
    (3**-0.5, 3**-0.5, 3**-0.5),
    (2**-0.5, 0.0, -(2**-0.5)),
    (-(6**-0.5), 2 * 6**-0.5, -(6**-0.5)),
)


class FieldOfExperts(Prior):
    r"""R(x) = sum_k weight_k sum_p phi((w_k x)_p), in nats: filters w_k at every place p of a picture.

    (w_k x)_p is the inner product of the filter with the patch at p (no mirroring). Grey pictures `(N, 1, H, W)`.
    Colour `(N, 3, H, W)`: x goes to luminance and two colour differences by an orthonormal transform; R is that of the
    luminance as a grey picture, (red + green + blue) / 3, plus `chroma_weight` times that of each difference, whose
    values are first multiplied by `chroma_scale` (they vary less). So a grey picture in three channels has the R of
    one. Value `(N,)`, a sum over places.

    `border` "mirror" centres a filter on every pixel, with the picture mirrored at its edges (the edge itself not
    repeated). With "valid" p goes over the places where the filter fits whole: the model itself, in which pixels at the
    edge are seen by few filters and stay noisy.

    `filters` `(K, h, w)` in 1 / units of x, `weights` `(K,)` of at least 0, `expert` "student" or "logistic", or one's
    own `priors.experts.Expert`. Value and gradient come from one pass over the picture. Raises `ValueError` for
    filters, weights, pictures that do not fit. Source: Roth & Black (2009), "Fields of experts", equation 10,
    where the border is "valid".

    >>> difference = FieldOfExperts(torch.tensor([[[1.0, -1.0]]]), torch.tensor([2.0]), border="valid")
    >>> float(difference(torch.tensor([[[[0.0, 2.0]]]])))  # 2 log(1 + 2^2 / 2)
    2.19...
    """

    def __init__(
        self,
        filters: torch.Tensor,
        weights: torch.Tensor,
        *,
        expert: str | Expert = "student",
        chroma_scale: float = 1.7,
        chroma_weight: float = 0.5,
        border: str = "mirror",
    ) -> None:
        self.filters = check_bank(filters, name="filters").detach()
        self.weights = check_weights(weights, filters)
        self.expert = expert_of(expert)
        self.chroma_scale = check_positive(chroma_scale, name="chroma_scale", single=True)
        self.chroma_weight = check_weight(chroma_weight, name="chroma_weight", single=True)
        self.border = check_choice(border, BORDERS, name="border")
        self._constants: dict[tuple, tuple[torch.Tensor, ...]] = {}
        self._key: str | None = None

    @classmethod
    def trained(cls, *, expert: str = "student", seed: int = 0) -> FieldOfExperts:
        """The shipped field: 24 filters of 5 x 5 learned from free photographs; card `field_of_experts`.

        `expert` "student" with the training seeds 0, 1, 2, or "logistic" with seed 0. Raises `ValueError` for others.
        """
        seed = check_whole(seed, name="seed", least=0, most=2)
        name = expert_of(expert).name
        stored = shipped_weights("field_of_experts", part=f"{name}-{seed}")
        if not stored:
            raise ValueError(f"no field of {name} experts with seed {seed} ships; there are student 0 to 2, logistic 0")
        field = cls(stored["filters"], stored["weights"], expert=name)
        field._key = f"field_of_experts/{name}"  # fitted with seed 0; the seeds' best weights agree
        return field

    @property
    def name(self) -> str:
        return "field of experts"

    @property
    def calibration_key(self) -> str | None:
        return self._key

    def value(self, x: torch.Tensor) -> torch.Tensor:
        filters, weights, turn, share = self._like(x)
        planes = self._planes(x, turn)
        if self.border == "mirror":
            high, wide = self.filters.shape[1:]
            planes = pad(planes, ((wide - 1) // 2, wide // 2, (high - 1) // 2, high // 2), mode="reflect")
        model = {"filters": filters, "weights": weights, "expert": self.expert}
        values = GradientAlong.apply(planes, partial(field_pass, **model), lambda x: field_gradient(x, **model)[0])
        return values if x.shape[1] == 1 else (values.view(x.shape[:2]) * share).sum(1)

    def curvature_bounds(self, *, channels: int = 1) -> tuple[float, float]:
        r"""(lowest, highest) that no eigenvalue of R's Hessian leaves, for pictures of any size.

        inf phi'' and sup phi'' times max over frequencies omega of sum_k weight_k |w_k^(omega)|^2: the responses are
        part of those on a large torus, where the filters are diagonal (see `placed_filters.curvature_bound`); a mirror
        repeats pixels up to four times. E + lambda R is convex where E's Hessian is at least -lambda lowest. Raises
        `ValueError` for channels other than 1 and 3.
        """
        if channels not in (1, 3):
            raise ValueError(f"pictures have 1 channel or 3, got channels={channels!r}")
        most = float(curvature_bound(self.filters.double()[:, None], self.weights.double(), grid=GRID))
        if self.border == "mirror":
            most *= 4
        if channels == 3:
            most *= max(1 / 3, self.chroma_scale**2 * self.chroma_weight)
        return self.expert.smallest * most, self.expert.largest * most

    def _planes(self, x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """Grey planes `(M, 1, H, W)`: of colour, three for each picture."""
        high, wide = self.filters.shape[1:]
        if x.shape[1] not in (1, 3) or x.shape[2] < high or x.shape[3] < wide:
            raise ValueError(
                f"the field has filters of {high} x {wide} and takes grey or colour pictures of that size or more, "
                f"got {describe(x)}"
            )
        if x.shape[1] == 1:
            return x
        return torch.einsum("dc,nchw->ndhw", turn, x).flatten(0, 1)[:, None]

    def _like(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Filters and weights, colours to planes `(3, 3)`, and each plane's share `(3,)`, as x."""
        key = (x.dtype, x.device)
        if key not in self._constants:
            with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
                scale = x.new_tensor([3**-0.5, self.chroma_scale, self.chroma_scale])
                turn = scale[:, None] * x.new_tensor(OPPONENT)
                share = x.new_tensor([1.0, self.chroma_weight, self.chroma_weight])
                self._constants[key] = (self.filters.to(x), self.weights.to(x), turn, share)
        return self._constants[key]


def check_weights(weights: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Return the weights if there is one of at least 0 for each filter; else raise `ValueError`."""
    if not isinstance(weights, torch.Tensor) or weights.shape != filters.shape[:1]:
        raise ValueError(
            f"weights must be a tensor of shape ({filters.shape[0]},), one a filter, got {describe(weights)}"
        )
    return check_weight(weights.detach(), name="weights")
