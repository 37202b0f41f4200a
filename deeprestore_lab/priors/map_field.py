"""A field of experts on feature maps: filters over all channels of a patch. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

import torch
from torch.nn.functional import conv2d, conv_transpose2d

from deeprestore_lab.core.checks import check_weight, check_whole, describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.priors.field_of_experts import check_weights

GAUSSIAN = Expert(
    name="gaussian",
    potential=lambda s: s.square() / 2,
    derivative=lambda s: s,
    curvature=torch.ones_like,
    smallest=1.0,
    largest=1.0,
)


class MapField(Prior):
    r"""R(z) = sum_k weight_k sum_p phi(<w_k, z_p>), z_p the patch at p with all its channels, where it fits whole.

    `filters` `(K, C, h, w)` in 1 / units of z; `weights` `(K,)` of at least 0; `expert` "student", "logistic", or one's
    own, such as `map_field.GAUSSIAN`, with which R is quadratic. z are maps `(N, C, H, W)`, standardised
    (`operators.ChannelScale`): a filter of unit size then says as much of each channel. A filter that is zero outside
    of a group of channels knows nothing of the others: if each has its group, R is a sum over groups, and exp(-R) takes
    them as independent. Value `(N,)`, a sum over places, in nats where the filters were learned so. `score` is minus
    the gradient. Raises `ValueError` for filters, weights and maps that do not fit. Source: Roth & Black (2009),
    equation 10, with one channel there. Taught in chapter 19_feature_map_priors.

    >>> across = MapField(torch.tensor([[[[1.0]], [[-1.0]]]]), torch.tensor([2.0]))
    >>> float(across(torch.tensor([[[[3.0]], [[1.0]]]])))  # 2 log(1 + (3 - 1)^2 / 2)
    2.19...
    """

    def __init__(self, filters: torch.Tensor, weights: torch.Tensor, *, expert: str | Expert = "student") -> None:
        if not (isinstance(filters, torch.Tensor) and filters.ndim == 4 and filters.is_floating_point()):
            raise ValueError(f"filters must be a float tensor (K, C, h, w), got {describe(filters)}")
        if not torch.isfinite(filters).all():
            raise ValueError("filters must be finite, got values that are not")
        self.filters, self.weights = filters.detach(), check_weights(weights, filters)
        self.expert = expert_of(expert)
        self._constants = Constants(self.filters, self.weights)

    @classmethod
    def gaussian(cls, covariance: torch.Tensor, *, size: int, weight: float = 1.0) -> MapField:
        r"""`weight` * 1/2 sum_p z_p^T C^-1 z_p, C the covariance `(C h w, C h w)` of patches of side `size`.

        The patches overlap, so with weight 1 a value counts as often as there are patches that have it. Raises
        `ValueError` for a covariance that is not positive definite, or is none of patches of that side.
        """
        side = check_whole(size, name="size", least=1)
        square = isinstance(covariance, torch.Tensor) and covariance.ndim == 2
        if not square or covariance.shape[0] != covariance.shape[1] or len(covariance) % side**2:
            raise ValueError(f"covariance must be square, C * {side}^2 a side, got {describe(covariance)}")
        if not torch.allclose(covariance, covariance.mT, atol=1e-5 * float(covariance.abs().max())):
            raise ValueError("covariance must be symmetric, and is not")
        weight = check_weight(weight, single=True)
        try:
            root = torch.linalg.cholesky(torch.linalg.inv(covariance.double())).T.float()
        except torch.linalg.LinAlgError as error:
            raise ValueError("covariance must be positive definite; add a little noise to it") from error
        filters = root.reshape(len(root), -1, side, side)
        return cls(filters, torch.full((len(root),), weight), expert=GAUSSIAN)

    @property
    def name(self) -> str:
        return f"field of {self.expert.name} experts on maps"

    def value(self, x: torch.Tensor) -> torch.Tensor:
        filters, weights = self._constants.like(x)
        return self.expert.potential(conv2d(self._fitting(x), filters)).flatten(2).sum(2) @ weights

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Minus the gradient of R, `(N, C, H, W)`."""
        return -field_slope(self._fitting(x), *self._constants.like(x), expert=self.expert)

    def _fitting(self, x: torch.Tensor) -> torch.Tensor:
        _, channels, high, wide = self.filters.shape
        if x.shape[1] != channels or x.shape[2] < high or x.shape[3] < wide:
            raise ValueError(
                f"the field takes maps of {channels} channels and at least {high} x {wide} positions, got {describe(x)}"
            )
        return x


def field_slope(z: torch.Tensor, filters: torch.Tensor, weights: torch.Tensor, *, expert: Expert) -> torch.Tensor:
    """The gradient sum_k weight_k W_k^T phi'(W_k z) of a field's energy, differentiable in all three."""
    bent = expert.derivative(conv2d(z, filters))
    return conv_transpose2d(bent * weights[:, None, None], filters)


def grouped(filters: torch.Tensor, groups: int) -> torch.Tensor:
    r"""The filters `(K, C, h, w)`, each with zeros outside of its group of channels.

    Channels are cut into `groups` of C / groups neighbours, and filters are dealt out in the same order, K / groups to
    each. Raises `ValueError` for groups that do not divide both.

    >>> grouped(torch.ones(4, 2, 1, 1), 2).flatten(1)
    tensor([[1., 0.],
            [1., 0.],
            [0., 1.],
            [0., 1.]])
    """
    count, channels = filters.shape[:2]
    check_whole(groups, name="groups", least=1)
    if count % groups or channels % groups:
        raise ValueError(f"{groups} groups do not divide {count} filters and {channels} channels")
    group = torch.arange(groups)
    own = group.repeat_interleave(count // groups)[:, None] == group.repeat_interleave(channels // groups)
    return filters * own[:, :, None, None].to(filters)
