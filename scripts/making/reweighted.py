"""Draws reweighted by priors of layers, resampled and judged: what two records of chapter 21 share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import torch

from deeprestore_lab import sampling
from scripts.making.resumable import Part

SHOWN = 24


def judged(
    x: torch.Tensor,
    log_ratios: Mapping[str, Sequence[torch.Tensor]],
    quality: Callable[[torch.Tensor], dict[str, float]],
    *,
    weights: Mapping[str, Sequence[float]],
    kept: int,
    seed: int,
    shown: Collection[str] = (),
) -> Part:
    """What `quality` says of `kept` draws out of `x`, and the effective sample size, for each weight of each rule.

    A rule has the log ratios of its layers. The draws are kept in random order: the first ones, as bytes, are the
    tensors of the part, for the rules in `shown`.
    """
    found: dict = {}
    pictures: dict = {}
    for rule, logs in log_ratios.items():
        for weight in weights[rule]:
            share = sampling.tempered(logs, weight=weight)
            places = sampling.resampled(share, kept, seed=seed)
            places = places[torch.randperm(kept, generator=torch.Generator().manual_seed(0))]
            found[f"{rule} | {weight:g}"] = quality(x[places]) | {"ess": sampling.effective_sample_size(share)}
            if rule in shown:
                pictures[f"{rule} {weight:g}"] = (255 * x[places[:SHOWN]]).round().to(torch.uint8)
    return found, pictures
