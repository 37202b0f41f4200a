"""Overcomplete ICA: the density of one patch as a product of experts, each on the response of one filter.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_weight, describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.signal.filters import check_bank


class OvercompleteICA(Prior):
    r"""R(x) = sum_k weight_k phi(<w_k, x>) for grey patches of the filters' own size, in nats up to a constant.

    `filters` holds the w_k, `(K, h, w)`, in 1 / units of x; `weights` `(K,)` are at least 0; `expert` says which phi.
    Shapes: `(N, 1, h, w) -> (N,)`. With as many filters as pixels this is independent component analysis, and the
    normaliser is known; with more it is overcomplete, and nobody knows it. What all filters map to zero is improper:
    the mean of a patch, where each filter sums to zero. The same filters and weights at every place of a picture are a
    `FieldOfExperts`. It has no calibrated weight. Raises `ValueError` for shapes that do not fit, and weights below
    zero. Source: Teh, Welling, Osindero & Hinton (2003). Taught in chapter 14_learned_filters.

    >>> prior = OvercompleteICA(torch.tensor([[[1.0, -1.0]]]), torch.ones(1))
    >>> prior(torch.tensor([[[[0.3, 0.3]]], [[[2.0, 0.0]]]]))  # log(1 + 2^2 / 2) for the second
    tensor([0.0000, 1.0986])
    """

    def __init__(self, filters: torch.Tensor, weights: torch.Tensor, *, expert: str | Expert = "student") -> None:
        self.filters = check_bank(filters, name="filters")
        if not isinstance(weights, torch.Tensor) or weights.shape != filters.shape[:1]:
            raise ValueError(f"weights must be ({len(filters)},), one for each filter, got {describe(weights)}")
        self.weights, self.expert = check_weight(weights.to(filters), name="weights"), expert_of(expert)
        self._constants = Constants(self.filters, self.weights)

    @property
    def name(self) -> str:
        return "overcomplete ICA"

    def value(self, x: torch.Tensor) -> torch.Tensor:
        filters, weights = self._constants.like(x)
        return self.expert.potential(self._responses(x, filters)) @ weights

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Minus the gradient, written out: -sum_k weight_k phi'(w_k . x) w_k."""
        filters, weights = self._constants.like(x)
        slopes = weights * self.expert.derivative(self._responses(x, filters))
        return -(slopes @ filters.flatten(1)).reshape(x.shape)

    def _responses(self, x: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
        if x.shape[1:] != (1, *self.filters.shape[1:]):
            raise ValueError(
                f"patches must be (N, 1, {', '.join(map(str, self.filters.shape[1:]))}), got {describe(x)}"
            )
        return x.flatten(1) @ filters.flatten(1).mT  # (N, K)
