"""The class pictures of chapter 20 at up to five times the steps: what the other network says as the search goes on.

Needs SqueezeNet's and GoogLeNet's local weights. Methods, rates and weights are those that the record class_pictures
found best at 100 steps; here 500 are made and looked at on the way. Three of its classes, five seeds. Seeds that the
record has already are not made again.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import torch

from deeprestore_lab import backbones
from deeprestore_lab.core.artifacts import load_record, save_record
from scripts.making.common_recipe import recipe
from scripts.making.recorded import small_strip
from scripts.making.resumable import Parts, by_key, or_shipped, recorded, rounded
from scripts.records import class_pictures as once

STEPS = (50, 100, 200, 500)
CLASSES = {1: "goldfish", 130: "flamingo", 281: "tabby cat"}
SEEDS = [0, 1, 2, 3, 4]
NAMES = [
    "pixels",
    "total variation",
    "alpha-norm and squared variation",
    "decorrelated, views, total variation",
    "lucent's recipe",
]
SETTINGS = {"steps": list(STEPS), "classes": {str(c): name for c, name in CLASSES.items()}}
PARTS = Parts("class_steps", SETTINGS)


def best(name: str, settings: list) -> object:
    """The setting that the record of 100 steps found best on its tuning classes."""
    scores = load_record("class_pictures")["tuned"][name]
    return settings[max(range(len(scores)), key=scores.__getitem__)]


def made(name: str, classes: list[int], seeds: list[int], note: Callable[[int, torch.Tensor], object]) -> torch.Tensor:
    """The pictures of a method after all its steps; `note` sees them on the way."""
    options = {"steps": STEPS[-1], "callback": note}
    if name == "lucent's recipe":
        network, layer = backbones.load("squeezenet1_1", "local"), once.last_layer("squeezenet1_1")
        lr = best("recipe", once.RATES)
        return recipe(network, layer, classes, size=once.SIZE, lr=lr, seed=seeds[0], **options)
    if name in once.BY_PRIOR:
        return once.on_pixels(name, best(name, once.BY_PRIOR[name]), **options)(classes, seeds)
    if name.startswith("decorrelated"):
        return once.decorrelated(best("ours", once.OURS), **options)(classes, seeds)
    return once.plain(False, **options)(classes, seeds)


def of_seed(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One method and seed: what both networks say at each of `STEPS`, and the pictures of the first seed."""
    name, seed = key.split(" | ")
    classes, seen = list(CLASSES), {}

    def note(step: int, x: torch.Tensor) -> None:
        if step in STEPS:
            seen[step] = x.detach().clamp(0, 1).clone()

    made(name, classes, [int(seed)] * len(classes), note)
    numbers = {str(step): once.judged(x, classes) for step, x in seen.items()}
    return numbers, {str(step): x for step, x in seen.items()} if seed == "0" else {}


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    had = recorded("class_steps", SETTINGS).get("methods", {})
    keys = [f"{name} | {seed}" for name in NAMES for seed in SEEDS]
    parts = PARTS.all(keys, of_seed, known=by_key(had, SEEDS))
    methods = {name: [parts[f"{name} | {seed}"][0] for seed in SEEDS] for name in NAMES}
    first = {place: parts[f"{name} | 0"][1] for place, name in enumerate(NAMES)}
    shown = {
        f"{place}-{step}.webp": small_strip(tensors[str(step)], quality=30) if tensors else None
        for place, tensors in first.items()
        for step in STEPS
    }
    last = str(STEPS[-1])
    save_record(
        "class_steps",
        rounded({**SETTINGS, "seeds": SEEDS, "methods": methods}),
        command="make records NAME=class_steps",
        data="SqueezeNet 1.1 and GoogLeNet by Caffe (local weights)",
        licence="weights BSD and unrestricted as stated; pictures are synthetic",
        seeds=SEEDS,
        metric="; ".join(
            f"{name}: median rank {median(r for own in rows for r in own[last]['rank']):g} after {last} steps"
            for name, rows in methods.items()
        ),
        pictures=or_shipped("class_steps", shown),
    )
