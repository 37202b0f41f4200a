"""The highest goal of chapter 21 by gradients: digits steered along the levels by laws of two layers. Needs MNIST.

The pixel model is the diffusion network alone, whose draws leave most to mend; the layers are those of the record
joint_sampling. At each level sigma up to 3 the laws are of layers of *noisy* pictures: for the ratio a classifier tells
real digits from the network's draws, both with noise of that level (after Kim et al. 2023); for the product a mixture
is fitted to noisy real digits. Their gradient, sigma^2 w times, is added to the network's mean. "at D": the ratio of
clean pictures, asked at the network's answer, through its Jacobian. Draws are fresh ones and are judged in the features
of the second classifier, which nothing was steered by.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import nn

from deeprestore_lab import sampling
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures.sample_quality import area_under_roc
from deeprestore_lab.networks import diffusion_digits
from deeprestore_lab.priors import fit_gaussian_mixture
from scripts.making.digits.draws import LEVELS, NETWORKS, drawn_digits, quality, test_digits
from scripts.making.digits.measures import LICENCE, split
from scripts.making.resumable import Parts, by_key, or_shipped, recorded, rounded
from scripts.records.joint_sampling import RIDGE, components, strip

SEEDS = range(5)
COUNT, POOL, RUNGS, INNER, SHARE, HIGHEST = 300, 1000, 10, 2, 0.15, 3.0
RUNS = {  # rule, weight, correctors
    "network alone": ("none", 0.0, True),
    "ratio, w = 0.5": ("ratio", 0.5, True),
    "ratio, w = 1": ("ratio", 1.0, True),
    "ratio, w = 3": ("ratio", 3.0, True),
    "ratio, w = 1, no corrections": ("ratio", 1.0, False),
    "ratio at D, w = 0.5": ("at D", 0.5, True),
    "ratio at D, w = 1": ("at D", 1.0, True),
    "product, w = 0.1": ("product", 0.1, True),
}
SETTINGS = {
    "count": COUNT,
    "pool": POOL,
    "levels": RUNGS,
    "inner": INNER,
    "share": SHARE,
    "highest": HIGHEST,
    "runs": list(RUNS),
    "ridge": RIDGE,
}
PARTS = Parts("joint_walks", SETTINGS)
LogRatio = Callable[[torch.Tensor], torch.Tensor]


def layers(x: torch.Tensor) -> list[torch.Tensor]:
    """What the two layers see, with gradients: rows of 40 and of 64 numbers."""
    body, (mean, axes) = NETWORKS["classifier"]().body, components()
    maps = body[:4](x)
    return [(nn.functional.adaptive_avg_pool2d(maps, 4).flatten(1) - mean) @ axes, body[4:](maps)]


def pool() -> torch.Tensor:
    """Draws of the network that the ratios learn from, kept as bytes."""

    def make(_: str) -> tuple[dict, dict]:
        x = drawn_digits(POOL, switch=100.0, levels=RUNGS, seed=77)
        return {}, {"x": (255 * x).round().to(torch.uint8)}

    return PARTS.get("pool", make)[1]["x"].float() / 255


def noisy(x: torch.Tensor, sigma: float, draw: torch.Generator) -> torch.Tensor:
    return x + sigma * torch.randn(x.shape, generator=draw)


@cache
def laws(sigma: float, rule: str) -> list[LogRatio]:
    """For each layer log p / q, or log p, of pictures with noise of the level."""
    draw = torch.Generator().manual_seed(int(1000 * sigma))
    with torch.no_grad():
        real, own = (layers(noisy(x, sigma, draw)) for x in (split()[0][: 3 * POOL], pool()))
    if rule == "product":
        fitted = [fit_gaussian_mixture(rows[:, None, None], parts=30, rank=10, seed=0) for rows in real]
        return [lambda rows, law=law: -law(rows[:, None, None]) for law in fitted]
    return [sampling.LogisticRatio(p, q, ridge=RIDGE) for p, q in zip(real, own, strict=True)]


def steered(rule: str, weight: float) -> sampling.Mean:
    """The network's mean, moved by the layers' laws."""
    network = diffusion_digits()

    def mean(x: torch.Tensor, sigma: float) -> torch.Tensor:
        if rule == "none" or sigma > HIGHEST:
            return network(x, sigma)
        at = x.detach().requires_grad_()
        with torch.enable_grad():
            own = network(at, sigma) if rule == "at D" else None
            asked = laws(0.0, "ratio") if rule == "at D" else laws(sigma, rule)
            rows = layers(own if rule == "at D" else at)
            logs = sum(law(row).sum() for law, row in zip(asked, rows, strict=True))
            (pull,) = torch.autograd.grad(logs, at)
        own = network(x, sigma) if own is None else own.detach()
        return own + weight * sigma**2 * pull

    return mean


def run(key: str) -> tuple[dict, dict]:
    """One rule and seed."""
    name, seed = key.rsplit(" | ", 1)
    if name == "test digits":
        return quality(test_digits()[1000 + COUNT * int(seed) :][:COUNT]), {}
    rule, weight, corrected = RUNS[name]
    rungs = RUNGS if corrected else RUNGS * (1 + INNER)
    sampler = sampling.Ancestral(steered(rule, weight), sampling.karras_levels(rungs, **LEVELS))
    if corrected:
        sampler = sampling.Corrected(sampler, inner=INNER, share=SHARE)
    start = sampling.noise_start(COUNT, (1, 28, 28), sigma=LEVELS["largest"], seed=200 + int(seed))
    try:
        x = torch.cat([sampling.draw(sampler, part, seed=int(seed)).x for part in start.split(150)]).clamp(0, 1)
    except ValueError:  # not finite
        return {"diverged": True}, {}
    shown = {"x": (255 * x[:24]).round().to(torch.uint8)} if seed == "0" else {}
    return quality(x) | {"evaluations": sampler.evaluations}, shown


def told_apart(_: str) -> tuple[dict, dict]:
    """How well each level's ratio tells fresh real digits from fresh draws: the area under the ROC curve, by level."""
    fresh = {True: split()[0][5000:5500], False: drawn_digits(500, switch=100.0, levels=RUNGS, seed=88)}
    found = {}
    for sigma in [0.0, *(s for s in sampling.karras_levels(RUNGS, **LEVELS)[:-1] if s <= HIGHEST)]:
        draw = torch.Generator().manual_seed(7)
        with torch.no_grad():
            logs = {
                real: sum(
                    law(rows) for law, rows in zip(laws(sigma, "ratio"), layers(noisy(x, sigma, draw)), strict=True)
                )
                for real, x in fresh.items()
            }
        found[f"{sigma:.3g}"] = area_under_roc(logs[False], logs[True])
    return found, {}


def main() -> None:
    """Measure what is missing, and write the record with its pictures."""
    torch.set_num_threads(1)
    names = ["test digits", *RUNS]
    had = recorded("joint_walks", SETTINGS)
    known = by_key(had.get("runs", {}), SEEDS)
    parts = PARTS.all([f"{name} | {seed}" for seed in SEEDS for name in names], run, known=known)
    apart = had["told apart"] if had else PARTS.get("told apart", told_apart)[0]
    finite = {str(i): name for i, name in enumerate(RUNS) if "diverged" not in parts[f"{name} | 0"][0]}
    tensors = {place: parts[f"{name} | 0"][1].get("x") for place, name in finite.items()}
    shown = {f"{i}.webp": None if x is None else strip(x.reshape(2, 12, *x.shape[1:])) for i, x in tensors.items()}
    save_record(
        "joint_walks",
        rounded(
            {
                "settings": SETTINGS,
                "told apart": apart,
                "runs": {name: [parts[f"{name} | {s}"][0] for s in SEEDS] for name in names},
            }
        ),
        command="make records NAME=joint_walks",
        data="MNIST; models learned from the first 50,000 training digits, measured on test digits",
        licence=LICENCE,
        seeds=list(SEEDS),
        metric="precision, coverage and entropy in features that nothing was steered by",
        pictures=or_shipped("joint_walks", shown),
    )
