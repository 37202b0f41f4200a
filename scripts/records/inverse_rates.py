"""Is it the learning rate? Together and end to end, each at the rate that suits it at its layer.

The record of inverse networks takes for each training the settings that were best at pool2 after 400 steps. Here both
trainings try smaller rates at pool3 and pool2, 1500 steps with three seeds; the rate that is best for a photograph that
nothing learns from, on average over seeds, is then trained five times as long. Modules, crops, starts and measures are
those of that record; differences are paired by photograph.
"""

from __future__ import annotations

from itertools import product
from statistics import fmean

import torch

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures.metrics import psnr
from scripts.making.inverse_training import SIDES, stop_by
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Part, Parts, rounded
from scripts.records.inverse_networks import (
    BATCH,
    CROP,
    FIVE_TIMES,
    SEEDS,
    UNSEEN,
    best,
    compared,
    given_back,
    measured,
    network,
    trained_network,
)
from scripts.records.inverse_networks import PARTS as OTHER
from scripts.records.inverse_networks import run as at_the_recorded_rate

RECORD, STEPS = "inverse_rates", 1500
TRAININGS = ["together", "end to end"]
RATES = [3.75e-4, 7.5e-4, 1.5e-3]
LONG = {"pool3": SEEDS, "pool2": [0]}  # seeds of the longest runs, by layer
SETTINGS = {
    "trainings": TRAININGS,
    "rates": RATES,
    "batch": BATCH,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
}
PARTS = Parts(RECORD, SETTINGS)


def run(key: str) -> Part:
    """One training and its scores; the key is "layer/training/steps/seed/rate"."""
    layer, training, steps, seed, rate = key.split("/")
    start, lr = best(training)
    if float(rate) == lr and int(steps) == STEPS and layer == "pool3":  # trained already, for the other record
        inverse = network(layer)
        weights = OTHER.get(f"{layer}/{training}/{steps}/{seed}/{start}", at_the_recorded_rate)[1]
        inverse.load_state_dict(weights)
    else:
        own = {"steps": int(steps), "lr": float(rate), "start": start, "seed": int(seed)}
        inverse = trained_network(layer, training, **own, file=PARTS.checkpoint(key))
    chosen_by = float(psnr(given_back(inverse, stop_by()), stop_by()).mean())
    return measured(inverse) | {"chosen by": chosen_by}, inverse.state_dict()


def searched(layer: str, training: str) -> tuple[dict[str, Part], dict[float, float]]:
    """The runs of every rate, and by rate the PSNR of the photograph that nothing learns from, a mean over seeds."""
    made = PARTS.all([f"{layer}/{training}/{STEPS}/{seed}/{rate}" for rate in RATES for seed in SEEDS], run)
    found = {
        rate: fmean(made[f"{layer}/{training}/{STEPS}/{seed}/{rate}"][0]["chosen by"] for seed in SEEDS)
        for rate in RATES
    }
    return made, found


def all_of(layer: str, training: str) -> tuple[dict[str, Part], dict[float, float]]:
    """Every run of a layer and a training, the long ones at its best rate, and what the rate was chosen by."""
    made, found = searched(layer, training)
    rate = max(found, key=found.get)
    return made | PARTS.all([f"{layer}/{training}/{FIVE_TIMES}/{seed}/{rate}" for seed in LONG[layer]], run), found


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    scores, chosen, taken = {}, {}, {}
    for layer, training in product(LONG, TRAININGS):
        made, found = all_of(layer, training)
        scores |= {key: own["scores"] for key, (own, _) in made.items()}
        chosen[f"{layer}/{training}"] = {str(rate): value for rate, value in found.items()}
        taken[f"{layer}/{training}"] = max(found, key=found.get)
    at_best = compared(
        {key: own for key, own in scores.items() if float(key.split("/")[4]) == taken["/".join(key.split("/")[:2])]}
    )
    longest = {case: own["end to end - together"] for case, own in at_best.items() if case.endswith(str(FIVE_TIMES))}
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "layers": list(LONG),
                "chosen by": chosen,
                "best": taken,
                "means": {key: {name: fmean(values) for name, values in own.items()} for key, own in scores.items()},
                "compared": at_best,
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only",
        seeds=SEEDS,
        metric=f"{FIVE_TIMES} steps, each at its best rate, end to end less together, PSNR in dB: "
        + "; ".join(
            f"{case.split('/')[0]} {own['psnr']['mean']:.2f} ({own['psnr']['interval'][0]:.2f} to "
            f"{own['psnr']['interval'][1]:.2f}), seeds {own['seeds']}"
            for case, own in longest.items()
        ),
    )
