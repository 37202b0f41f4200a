"""Is it the learning rate? Together and end to end at the deepest layer, each at the rate that suits it there.

The record of inverse networks takes for each training the settings that were best at pool2 after 400 steps. Here both
trainings try smaller rates at pool3, 1500 steps with three seeds; the rate that is best for a photograph that nothing
learns from, on average over seeds, is then trained five times as long. Modules, crops, starts and measures are those
of that record; differences are paired by photograph.
"""

from __future__ import annotations

from statistics import fmean

import torch

from deeprestore_lab.core.artifacts import save_record
from scripts.making.inverse_training import SIDES
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Part, Parts, rounded
from scripts.records.inverse_networks import (
    BATCH,
    CROP,
    FIVE_TIMES,
    SEEDS,
    UNSEEN,
    best,
    chosen_by,
    compared,
    measured,
    network,
    trained_network,
)
from scripts.records.inverse_networks import PARTS as OTHER
from scripts.records.inverse_networks import run as at_the_recorded_rate

RECORD, LAYER, STEPS = "inverse_rates", "pool3", 1500
TRAININGS = ["together", "end to end"]
RATES = [3.75e-4, 7.5e-4, 1.5e-3]
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
    _, training, steps, seed, rate = key.split("/")
    start, lr = best(training)
    if float(rate) == lr:  # the other record's runs
        inverse = network(LAYER)
        weights = OTHER.get(f"{LAYER}/{training}/{steps}/{seed}/{start}", at_the_recorded_rate)[1]
        inverse.load_state_dict(weights)
    else:
        own = {"steps": int(steps), "lr": float(rate), "start": start, "seed": int(seed)}
        inverse = trained_network(LAYER, training, **own, file=PARTS.checkpoint(key))
    return measured(inverse) | {"chosen by": chosen_by(inverse)}, inverse.state_dict()


def runs(training: str, steps: int, rate: float) -> dict[str, dict]:
    """What was measured of the runs of all seeds, by key."""
    made = PARTS.all([f"{LAYER}/{training}/{steps}/{seed}/{rate}" for seed in SEEDS], run)
    return {key: numbers for key, (numbers, _) in made.items()}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    scores, at_best, chosen = {}, {}, {}
    for training in TRAININGS:
        tried = {rate: runs(training, STEPS, rate) for rate in RATES}
        chosen[training] = {rate: fmean(own["chosen by"] for own in found.values()) for rate, found in tried.items()}
        rate = max(chosen[training], key=chosen[training].get)
        own = tried[rate] | runs(training, FIVE_TIMES, rate)
        at_best |= {key: numbers["scores"] for key, numbers in own.items()}
        scores |= {key: numbers["scores"] for found in (*tried.values(), own) for key, numbers in found.items()}
    found = compared(at_best)
    longest = found[f"{LAYER}/{FIVE_TIMES}"]["end to end - together"]["psnr"]
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "layer": LAYER,
                "chosen by": {t: {str(rate): value for rate, value in own.items()} for t, own in chosen.items()},
                "best": {t: max(own, key=own.get) for t, own in chosen.items()},
                "means": {key: {name: fmean(values) for name, values in own.items()} for key, own in scores.items()},
                "compared": found,
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only",
        seeds=SEEDS,
        metric=f"{LAYER}, {FIVE_TIMES} steps, each at its best rate, end to end less together, PSNR in dB: "
        f"{longest['mean']:.2f} ({longest['interval'][0]:.2f} to {longest['interval'][1]:.2f})",
    )
