"""The perceptual distance of a table: LPIPS where its weights are at hand, else this project's, under its own name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from deeprestore_lab import data
from deeprestore_lab.perceptual.distance import distance

Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def for_tables() -> tuple[str, Distance]:
    """A name and a function (x, reference) -> `(N,)`, lower is nearer; images `(N, 3, H, W)` in [0, 1].

    LPIPS (Zhang et al. 2018) from torchmetrics, on torchvision's AlexNet, where torchmetrics is installed and that
    AlexNet was fetched before, of images clipped to [0, 1]; otherwise `distance` on the embedded vgg_mini. The two have
    other units: a table uses one of them, and its name. Taught in chapter 07_feature_losses.
    """
    if data.network.fetched("alexnet"):
        try:
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
        except ImportError:
            pass
        else:

            @cache
            def network() -> LearnedPerceptualImagePatchSimilarity:  # read once, when it is first asked for
                return LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)

            def measured(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
                x, reference = x.clamp(0, 1), reference.expand_as(x).clamp(0, 1)  # torchmetrics refuses other values
                pairs = zip(x.split(1), reference.split(1), strict=True)  # and gives a mean
                with torch.no_grad():
                    values = torch.stack([network()(a, b) for a, b in pairs])
                network().reset()
                return values

            return "LPIPS (AlexNet)", measured
    return "vgg_mini distance", distance
