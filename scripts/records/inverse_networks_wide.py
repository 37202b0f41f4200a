"""Three ways to train the inverse modules of VGG16, a network of full width, for a few steps.

Batches, modules and measures are those of the record of inverse networks, and so are each training's start and rate,
which were chosen on `vgg_mini` at pool2 and not again here, so that the order of the trainings says little. Crops are
smaller and steps few, since a step costs several times as much. One training of the deepest layer gives the
modules "alone" of the others. The weights are those of the local tier; only numbers, and what comes back of a
photograph that the library ships, are in the record.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import Backbone, load
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.inverse_networks.network import InverseNetwork
from scripts.making.inverse_training import SIDES
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Parts, rounded
from scripts.records.inverse_networks import (
    BATCH,
    LONG,
    SHOWN,
    SHOWN_SIDE,
    UNSEEN,
    best,
    compared,
    given_back,
    measured,
    trained,
    without_the_deepest,
)

RECORD = "inverse_networks_wide"
LAYERS = {"vgg16": ["relu3_3", "pool2", "pool1"]}  # the deepest first
CROP = 32
RUNS = [(300, [0, 1, 2])]  # steps, seeds
SETTINGS = {"layers": LAYERS, "batch": BATCH, "patch": CROP, "sides": list(SIDES), "unseen": UNSEEN}
PARTS = Parts(RECORD, SETTINGS)


@cache
def backbone(name: str) -> Backbone:
    """The network that is inverted, with its weights of the local tier."""
    return load(name, "local")


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training and its scores; the key is "network/layer/training/steps/seed"."""
    name, layer, training, steps, seed = key.split("/")
    start, lr = best(training)
    inverse = InverseNetwork(backbone(name), layer, start=start, seed=int(seed))
    deepest = LAYERS[name][0]
    if training == "alone" and layer != deepest:
        inverse = without_the_deepest(PARTS.get(key.replace(layer, deepest), run)[1], inverse)
    else:
        own = {"steps": int(steps), "lr": lr, "seed": int(seed), "file": PARTS.checkpoint(key)}
        inverse = trained(inverse, training, crop=CROP, **own)
    return measured(inverse), inverse.state_dict()


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    parts = PARTS.all(
        [
            f"{name}/{layer}/{training}/{steps}/{seed}"
            for name, (steps, seeds) in product(LAYERS, RUNS)
            for layer, training, seed in product(LAYERS[name], LONG[::-1], seeds)
        ],
        run,
    )
    numbers: dict[str, dict[str, dict]] = {name: {} for name in LAYERS}
    for key, (own, _) in parts.items():
        name, rest = key.split("/", 1)
        numbers[name][rest] = own["scores"]
    pictures, x = {}, images.photograph(SHOWN, size=SHOWN_SIDE)
    for name, layers in LAYERS.items():
        for layer in layers:
            shown = []
            for training in LONG:
                inverse = InverseNetwork(backbone(name), layer)
                inverse.load_state_dict(parts[f"{name}/{layer}/{training}/{RUNS[-1][0]}/0"][1])
                shown.append(given_back(inverse, x))
            pictures[f"{name}-{layer}.webp"] = encode(torch.cat(shown, dim=-1), format="webp-lossless")
    found = {name: compared(own) for name, own in numbers.items()}
    last = {f"{name} {case}": own for name, cases in found.items() for case, own in cases.items()}
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "settings of": "vgg_mini at pool2",
                "parameters": {
                    name: {layer: _parameters(name, layer) for layer in layers} for name, layers in LAYERS.items()
                },
                "means": {
                    name: {key: {m: sum(v) / len(v) for m, v in own.items()} for key, own in rows.items()}
                    for name, rows in numbers.items()
                },
                "compared": found,
                "shown": {"photograph": SHOWN, "side": SHOWN_SIDE, "order": LONG, "steps": RUNS[-1][0]},
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier; networks of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only; the pictures are of {SHOWN}, CC0",
        seeds=RUNS[0][1],
        metric="end to end less together, PSNR in dB: "
        + "; ".join(f"{case} {own['end to end - together']['psnr']['mean']:.2f}" for case, own in last.items()),
        pictures=pictures,
    )


def _parameters(name: str, layer: str) -> int:
    return sum(p.numel() for p in InverseNetwork(backbone(name), layer).steps.parameters())
