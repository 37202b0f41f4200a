"""What weights and records of inverse networks share: crops of photographs, and pictures not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch

from deeprestore_lab import images
from deeprestore_lab.data import bsds_training
from deeprestore_lab.training import Patches
from scripts.making.photographs.learnt import STOPPED_BY, learnt_photographs, scaled

SIDES, PATCH = (192, 288), 64


@cache
def learnt_patches(size: int = PATCH) -> Patches:
    """Crops of the photographs that are learnt from, in two sizes."""
    return Patches([own for x in learnt_photographs() for own in scaled(x, SIDES)], size=size)


@cache
def stop_by(count: int = 24) -> torch.Tensor:
    """Crops of the photograph by which settings and steps are chosen."""
    photographs = scaled(images.photograph(STOPPED_BY), SIDES)
    return Patches(photographs, size=PATCH, flips=False).draw(count, seed=1)


@cache
def unseen(count: int, *, size: int = 96) -> torch.Tensor:
    """Middles of photographs of BSDS (the local tier), which nothing of these networks learnt from."""
    pictures: Sequence[torch.Tensor] = list(bsds_training(limit=count, shrink=2).values())
    return torch.cat([images.crop(x, size) for x in pictures])
