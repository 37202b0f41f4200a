"""A prior learned by telling natural maps from other ones. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.priors.base import Prior


class LogRatio(Prior):
    r"""R(z) = sum_p T(z)_p: a classifier's log-odds that what stands at p belongs to a pre-image and not to a picture.

    With the classifier at its best T = log q / p, q the density of the pre-images' maps and p that of natural ones:
    minus a log-density up to log q, which says nothing about what no pre-image does. Where T is a network with few
    layers, each T_p sees a window, and the sum takes windows as independent.

    `model` maps `(N, C, H, W)` to log-odds `(N, 1, h, w)`; the value is `(N,)`, a sum over positions. Raises
    `ValueError` for a model that gives another shape. Source: Gutmann & Hyvärinen (2010) for densities from
    classifiers; Lunz, Öktem & Schönlieb (2018) for a regulariser learned from bad reconstructions. Taught in chapter
    19_feature_map_priors.

    >>> float(LogRatio(lambda z: z.mean(1, keepdim=True) - 0.5)(torch.ones(1, 2, 2, 2)))
    2.0
    """

    name = "log ratio"

    def __init__(self, model: Callable[[torch.Tensor], torch.Tensor]) -> None:
        if not callable(model):
            raise ValueError(f"model must map maps to log-odds, got {describe(model)}")
        self.model = model

    def value(self, x: torch.Tensor) -> torch.Tensor:
        odds = self.model(x)
        if not isinstance(odds, torch.Tensor) or odds.ndim != 4 or odds.shape[:2] != (len(x), 1):
            raise ValueError(f"the model must give log-odds ({len(x)}, 1, h, w), got {describe(odds)}")
        return odds.flatten(1).sum(1)
