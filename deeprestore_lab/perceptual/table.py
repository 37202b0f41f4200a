"""The perceptual distance of a table: LPIPS where its weights are at hand, else this project's, under its own name."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab import data
from deeprestore_lab.perceptual.distance import distance

Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def for_tables() -> tuple[str, Distance]:
    """A name and a function (x, reference) -> `(N,)`, lower is nearer; images `(N, 3, H, W)` in [0, 1].

    LPIPS (Zhang et al. 2018) from torchmetrics, on torchvision's AlexNet, where torchmetrics is installed and that
    AlexNet was fetched before; otherwise `distance` on the embedded vgg_mini. The two have other units: a table uses
    one of them, and its name. Taught in chapter 07_feature_losses.
    """
    if data.network.fetched("alexnet"):
        try:
            from torchmetrics.functional.image import learned_perceptual_image_patch_similarity as lpips
        except ImportError:
            pass
        else:

            def measured(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
                pairs = zip(x.split(1), reference.expand_as(x).split(1), strict=True)  # torchmetrics gives a mean
                with torch.no_grad():
                    return torch.stack([lpips(a, b, net_type="alex", normalize=True) for a, b in pairs])

            return "LPIPS (AlexNet)", measured
    return "vgg_mini distance", distance
