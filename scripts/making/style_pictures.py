"""What the style nets learn from: free photographs at two scales, in other colours; and the layers that judge them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import matplotlib
import torch

from deeprestore_lab import backbones, images

LEARNT_FROM = (
    "china",
    "flower",
    "rocket",
    "clock",
    "immunohistochemistry",
    "microaneurysms",
    "retina",
    "brick",
    "grass",
    "gravel",
)
PORTRAIT = "sample_data/grace_hopper.jpg"  # inside matplotlib: by the US Navy, in the public domain
STOPPED_BY = "coffee"
SIDES = (256, 160)  # each photograph is there twice, its shorter side this long
LICENCE = "public domain, CC0, no known restrictions; china and flower CC BY 2.0"
DATA = (
    f"photographs embedded in scikit-image, scikit-learn and matplotlib: {', '.join(LEARNT_FROM)} and a portrait of "
    f"Grace Hopper to learn from, {STOPPED_BY} to choose the step"
)


def scaled(x: torch.Tensor) -> list[torch.Tensor]:
    """A photograph at each of the sides."""
    shorter = min(x.shape[2:])
    return [images.resize(x, tuple(round(n * side / shorter) for n in x.shape[2:])) for side in SIDES]


def learnt_from() -> list[torch.Tensor]:
    """The photographs to learn from, at both scales."""
    portrait = images.load(Path(matplotlib.get_data_path()) / PORTRAIT)
    return [x for each in (*map(images.photograph, LEARNT_FROM), portrait) for x in scaled(each)]


def recoloured(x: torch.Tensor, *, seed: int) -> torch.Tensor:
    """Each image with its colours exchanged, inverted or not, brighter or darker, with more or less contrast."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for each in x:
        exchange, invert, contrast, light = torch.rand(4, generator=generator).tolist()
        if exchange < 0.5:
            each = each[torch.randperm(3, generator=generator)]
        if invert < 0.15:
            each = 1 - each
        found.append(((each - 0.5) * (0.6 + 0.8 * contrast) + 0.5 + 0.3 * (light - 0.5)).clamp(0, 1))
    return torch.stack(found)


def encoder_sum(layer: str) -> str:
    """The beginning of the sha256 of vgg_mini's weights up to a layer, as they are shipped (float16)."""
    net = backbones.load("vgg_mini", "embedded")
    weights = net.module[: net.layers.index(layer) + 1].state_dict()
    return hashlib.sha256(b"".join(tensor.half().numpy().tobytes() for tensor in weights.values())).hexdigest()[:12]
