"""Three ways to train the inverse modules of networks of full width, VGG16 and GoogLeNet, each at its own rate.

Batches, modules, starts and measures are those of the record of inverse networks. For each layer every training tries
four rates, 300 steps with the first seed; the one that is best for a photograph that nothing learns from is the rate
of all its runs there, also of those that are five times as long. Crops are smaller than on `vgg_mini`, since a step
costs several times as much. One training of the deepest layer gives the modules "alone" of the others, at each rate.
The weights are those of the local tier; only numbers, and what comes back of a photograph that the library ships, are
in the record.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import torch
from tqdm import tqdm

from deeprestore_lab import images
from deeprestore_lab.backbones import Backbone, load
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.inverse_networks.network import InverseNetwork
from scripts.making.inverse_training import SIDES
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Part, Parts, rounded
from scripts.records.inverse_networks import (
    BATCH,
    LONG,
    SEEDS,
    SHOWN,
    SHOWN_SIDE,
    UNSEEN,
    best,
    chosen_by,
    compared,
    given_back,
    measured,
    trained,
    without_the_deepest,
)

RECORD = "inverse_networks_wide"
LAYERS = {"googlenet": ["norm2"], "vgg16": ["pool3", "pool2", "pool1"]}  # the deepest first
CROP, FEW, FIVE_TIMES = 32, 300, 1500
RATES = [3.75e-4, 7.5e-4, 1.5e-3, 3e-3]
RUNS = [  # steps, seeds, trainings, layers
    (FEW, SEEDS, LONG, ["norm2", "pool3", "pool2", "pool1"]),
    (FIVE_TIMES, SEEDS, LONG[:2], ["norm2", "pool3"]),
]
SETTINGS = {
    "layers": LAYERS,
    "batch": BATCH,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
    "rates": RATES,
}
PARTS = Parts(RECORD, SETTINGS)


@cache
def backbone(name: str) -> Backbone:
    """The network that is inverted, with its weights of the local tier."""
    return load(name, "local")


def run(key: str) -> Part:
    """One training and its scores; the key is "network/layer/training/steps/seed/rate"."""
    name, layer, training, steps, seed, rate = key.split("/")
    inverse = InverseNetwork(backbone(name), layer, start=best(training)[0], seed=int(seed))
    deepest = LAYERS[name][0]
    if training == "alone" and layer != deepest:
        inverse = without_the_deepest(PARTS.get(key.replace(layer, deepest), run)[1], inverse)
    else:
        own = {"steps": int(steps), "lr": float(rate), "seed": int(seed), "file": PARTS.checkpoint(key)}
        inverse = trained(inverse, training, crop=CROP, **own)
    return measured(inverse) | {"chosen by": chosen_by(inverse)}, inverse.state_dict()


def tried(name: str, layer: str, training: str) -> dict[float, float]:
    """The PSNR of the photograph that rates are chosen by, for each rate."""
    keys = {rate: f"{name}/{layer}/{training}/{FEW}/{SEEDS[0]}/{rate}" for rate in RATES}
    return {rate: PARTS.get(key, run)[0]["chosen by"] for rate, key in keys.items()}


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    cases = [(name, layer, training) for name, layers in LAYERS.items() for layer in layers for training in LONG]
    search = {case: tried(*case) for case in tqdm(cases, desc="rates")}
    rate = {case: max(own, key=own.get) for case, own in search.items()}
    keys = {
        (*case, steps, seed): f"{'/'.join(case)}/{steps}/{seed}/{rate[case]}"
        for steps, seeds, trainings, layers in RUNS
        for case, seed in product(cases, seeds)
        if case[1] in layers and case[2] in trainings
    }
    parts = PARTS.all(list(keys.values()), run)
    numbers: dict[str, dict[str, dict]] = {name: {} for name in LAYERS}
    for key, (own, _) in parts.items():
        name, rest = key.split("/", 1)
        numbers[name][rest] = own["scores"]
    pictures, x = {}, images.photograph(SHOWN, size=SHOWN_SIDE)
    steps, _, order, _ = RUNS[0]
    for name, layers in LAYERS.items():
        for layer in layers:
            shown = []
            for training in order:
                inverse = InverseNetwork(backbone(name), layer)
                inverse.load_state_dict(parts[keys[name, layer, training, steps, 0]][1])
                shown.append(given_back(inverse, x))
            pictures[f"{name}-{layer}.webp"] = encode(torch.cat(shown, dim=-1), format="webp-lossless")
    found = {name: compared(own) for name, own in numbers.items()}
    last = {f"{name} {case}": own for name, cases in found.items() for case, own in cases.items()}
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "chosen by": {"/".join(case): {str(r): v for r, v in own.items()} for case, own in search.items()},
                "best": {"/".join(case): own for case, own in rate.items()},
                "parameters": {
                    name: {layer: _parameters(name, layer) for layer in layers} for name, layers in LAYERS.items()
                },
                "means": {
                    name: {key: {m: sum(v) / len(v) for m, v in own.items()} for key, own in rows.items()}
                    for name, rows in numbers.items()
                },
                "compared": found,
                "shown": {"photograph": SHOWN, "side": SHOWN_SIDE, "order": order, "steps": steps},
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier; networks of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only; the pictures are of {SHOWN}, CC0",
        seeds=SEEDS,
        metric="end to end less together, PSNR in dB: "
        + "; ".join(f"{case} {own['end to end - together']['psnr']['mean']:.2f}" for case, own in last.items()),
        pictures=pictures,
    )


def _parameters(name: str, layer: str) -> int:
    return sum(p.numel() for p in InverseNetwork(backbone(name), layer).steps.parameters())
