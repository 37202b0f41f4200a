"""Filters learned from photographs by score matching: patch sizes, overcompleteness, three seeds; and what whitens.

For each run the loss on the patches that were learnt from and on those of photographs that were not, how many filters
are localised, oriented and band-pass, the median frequency of analysis filters and basis functions, and the weights.
Beside the grid stand the thesis's guess (whitening with few components or none, other numbers of steps) and random
rows in the same coordinates, which say what the measure gives by chance. The sheets show the first seed.
"""

from __future__ import annotations

import time
from functools import cache

import torch

from deeprestore_lab import images
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.figures import encode, filter_sheet
from deeprestore_lab.measures.filter_shapes import filter_shapes
from deeprestore_lab.training.score_matching import (
    explicit_loss,
    learn_filters,
    no_whitening,
    patch_vectors,
    random_rows,
    whitening,
)
from scripts.making.photographs.learnt import EMBEDDED, LICENCE, SUMS, learnt_photographs, scaled
from scripts.making.resumable import Parts, rounded

SIZES, RATIOS, SEEDS = [5, 8, 12], [1, 2, 4], [0, 1, 2]
HELD_OUT = ["astronaut", "camera", "chelsea", "coins"]
SIDE, PATCHES, UNSEEN, STEPS, SHOWN = 256, 20_000, 10_000, 800, 60
MEASURED = 200  # filters that Gabors are fitted to; filters stand in the order of a random start
GUESS = {  # 8 x 8, twice as many filters as pixels unless it says so: (whitening, steps, ratio)
    "all components": ("all", STEPS, 2),
    "all components, 100 steps": ("all", 100, 2),
    "all components, 2400 steps": ("all", 3 * STEPS, 2),
    "32 components": (32, STEPS, 2),
    "16 components": (16, STEPS, 2),
    "no whitening": ("none", STEPS, 2),
    "no whitening, 2400 steps": ("none", 3 * STEPS, 2),
    "no whitening, twice as many filters": ("none", STEPS, 4),
}
SETTINGS = {
    "sizes": SIZES,
    "ratios": RATIOS,
    "seeds": SEEDS,
    "held_out": HELD_OUT,
    "side": SIDE,
    "patches": PATCHES,
    "unseen": UNSEEN,
    "steps": STEPS,
    "guess": {name: list(own) for name, own in GUESS.items()},
}
PARTS = Parts("learned_filters", SETTINGS)


@cache
def photographs() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Those to learn from and those held out, grey, the shorter side 256."""
    learnt = [images.to_grey(own) for x in learnt_photographs() for own in scaled(x, [SIDE])]
    return learnt, [own for name in HELD_OUT for own in scaled(images.photograph(name, grey=True), [SIDE])]


def shape_numbers(bank: torch.Tensor) -> dict:
    """What Gabors fitted to the first filters of a bank say."""
    shapes = filter_shapes(bank[:MEASURED])
    return {
        "share": shapes.share,
        "explained": float(shapes.explained.median()),
        "frequency": float(shapes.frequency.median()),
        "bandwidth": float(shapes.bandwidth.median().clamp_max(99)),
        "along": float(shapes.along.median()),
        "across": float(shapes.across.median()),
    }


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training; the key is "size ratio seed" or "a row of the guess/seed"."""
    if "/" in key:
        name, seed = key.rsplit("/", 1)
        size, (kind, steps, ratio) = 8, GUESS[name]
    else:
        (size, ratio, seed), kind, steps = map(int, key.split()), "all", STEPS
    seed = int(seed)
    x, unseen = (
        patch_vectors(pictures, size=size, count=count, seed=seed)
        for pictures, count in zip(photographs(), (PATCHES, UNSEEN), strict=True)
    )
    white = no_whitening(x) if kind == "none" else whitening(x, components=None if kind == "all" else kind)
    z, unseen = white.whiten(x), white.whiten(unseen)
    count, start = ratio * (size**2 - 1), time.process_time()
    learnt = learn_filters(z, count, steps=steps, seed=seed)
    seconds = time.process_time() - start
    bank, basis, chance = (
        rows.reshape(-1, size, size)
        for rows in (
            white.analysis(learnt.filters),
            white.basis(learnt.filters),
            white.analysis(random_rows(count, z.shape[1], seed=seed)),
        )
    )
    weights = learnt.weights
    numbers = {
        "filters": count,
        "loss": float(explicit_loss(learnt.filters, weights, z)),
        "loss_unseen": float(explicit_loss(learnt.filters, weights, unseen)),
        "seconds": seconds,
        "analysis": shape_numbers(bank),
        "basis": shape_numbers(basis),
        "random_share": filter_shapes(chance[:100]).share,
        "weights": [float(weights.min()), float(weights.median()), float(weights.max())],
        "zero_weights": int((weights == 0).sum()),
    }
    shown = weights.argsort(descending=True)[:SHOWN]
    return numbers, {"bank": bank[shown], "basis": basis[shown]}


def main() -> None:
    """Make what is missing and write the record with its sheets."""
    torch.set_num_threads(1)
    grid = {f"{size} {ratio}": [f"{size} {ratio} {seed}" for seed in SEEDS] for size in SIZES for ratio in RATIOS}
    grid |= {name: [f"{name}/{seed}" for seed in SEEDS] for name in GUESS}
    parts = PARTS.all([key for keys in grid.values() for key in keys], run)
    numbers = {name: [parts[key][0] for key in keys] for name, keys in grid.items()}
    sheets = {}
    for place, (name, keys) in enumerate(grid.items()):
        ending = name.replace(" ", "-") if place < len(SIZES) * len(RATIOS) else f"guess-{list(GUESS).index(name)}"
        for kind in ("bank", "basis"):
            sheet = filter_sheet(parts[keys[0]][1][kind])
            sheets[f"{ending}-{kind}.webp"] = encode(sheet, format="webp-lossless")
    total = sum(map(len, sheets.values()))
    if total > 250_000:
        raise ValueError(f"the sheets take {total} bytes, more than 250,000")
    own = numbers["8 2"]
    save_record(
        "learned_filters",
        rounded(
            {
                **SETTINGS,
                "runs": {name: numbers[name] for name in grid if name not in GUESS},
                "whitening": {name: numbers[name] for name in GUESS},
            }
        ),
        command="make records NAME=learned_filters",
        data=f"photographs embedded in scikit-image and scikit-learn ({', '.join(EMBEDDED)}) and {len(SUMS)} of "
        f"Debian's packages of Lomiri's wallpapers ({', '.join(sorted(SUMS))}) to learn from, "
        f"{', '.join(HELD_OUT)} held out",
        licence=f"{LICENCE}; what is shown are filters",
        seeds=SEEDS,
        metric="8 x 8, 126 filters: "
        + ", ".join(f"{run['analysis']['share']:.2f}" for run in own)
        + " of them localised, oriented and band-pass; of random ones "
        + ", ".join(f"{run['random_share']:.2f}" for run in own),
        pictures=sheets,
    )
