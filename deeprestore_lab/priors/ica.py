"""Overcomplete ICA: the density of one patch as a product of experts, each on the response of one filter.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_images, describe
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of


class OvercompleteICA(Prior):
    r"""R(x) = sum_k a_k phi(w_k . x) for patches of the filters' own size, in nats up to a constant.

    `filters` holds the w_k, `(K, C, h, w)`; `weights` the a_k >= 0, `(K,)`; `expert` says which phi. Shapes:
    `(N, C, h, w) -> (N,)`. With as many filters as pixels and each a density, this is independent component analysis;
    with more it is overcomplete, and the normaliser is not known. What all filters map to zero is improper: the mean
    of a patch where they sum to zero. For every patch of a picture take a field of experts with these filters. Has no
    calibrated weight. Raises `ValueError` for shapes that do not fit, and weights below zero. Source: Teh, Welling,
    Osindero & Hinton (2003). Taught in chapter 14_learned_filters.

    >>> prior = OvercompleteICA(torch.tensor([[[[1.0, -1.0]]]]), torch.ones(1))
    >>> prior(torch.tensor([[[[0.3, 0.3]]], [[[2.0, 0.0]]]]))  # log(1 + 2^2 / 2) for the second
    tensor([0.0000, 1.0986])
    """

    def __init__(self, filters: torch.Tensor, weights: torch.Tensor, *, expert: str | Expert = "student") -> None:
        self.filters = check_images(filters, name="filters")
        if not isinstance(weights, torch.Tensor) or weights.shape != filters.shape[:1] or not (weights >= 0).all():
            raise ValueError(f"weights must be ({len(filters)},), none below zero, got {describe(weights)}")
        self.weights, self.expert = weights.to(filters), expert_of(expert)

    @property
    def name(self) -> str:
        return "overcomplete ICA"

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return self.expert.potential(self._responses(x)) @ self.weights.to(x)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Minus the gradient, written out: -sum_k a_k phi'(w_k . x) w_k."""
        slopes = self.weights.to(x) * self.expert.derivative(self._responses(x))
        return -(slopes @ self.filters.to(x).flatten(1)).reshape(x.shape)

    def _responses(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1:] != self.filters.shape[1:]:
            raise ValueError(f"patches must be (N, {', '.join(map(str, self.filters.shape[1:]))}), got {describe(x)}")
        return x.flatten(1) @ self.filters.to(x).flatten(1).mT
