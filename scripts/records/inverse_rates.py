"""Is it the learning rate? End to end and together at the deepest layer of `vgg_mini`, with smaller rates.

The record of inverse networks takes for each training the rate that was best at pool2 after 400 steps. Here both
trainings try three rates at pool3, 1500 steps with three seeds; the rate that is best for a photograph that nothing
learns from, on average over seeds, is then trained five times as long. Modules, crops, starts and measures are those
of that record.
"""

from __future__ import annotations

from functools import cache
from statistics import fmean

import torch

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures.metrics import psnr
from scripts.making.inverse_training import SIDES, stop_by
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Parts, rounded
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

RECORD, LAYER, STEPS = "inverse_rates", "pool3", 1500
TRAININGS = ["together", "end to end"]
RATES = [3.75e-4, 7.5e-4, 1.5e-3]
SETTINGS = {
    "layer": LAYER,
    "rates": RATES,
    "batch": BATCH,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
}
PARTS = Parts(RECORD, SETTINGS)


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training and its scores; the key is "training/steps/seed/rate"."""
    training, steps, seed, rate = key.split("/")
    start, lr = best(training)
    if float(rate) == lr:  # trained already, for the other record
        inverse = network(LAYER)
        inverse.load_state_dict(OTHER.get(f"{LAYER}/{training}/{steps}/{seed}/{start}", at_the_recorded_rate)[1])
    else:
        own = {"steps": int(steps), "lr": float(rate), "start": start, "seed": int(seed)}
        inverse = trained_network(LAYER, training, **own, file=PARTS.checkpoint(key))
    chosen_by = float(psnr(given_back(inverse, stop_by()), stop_by()).mean())
    return measured(inverse) | {"chosen by": chosen_by}, inverse.state_dict()


def keys(steps: int, training: str, rate: float) -> list[str]:
    """The runs of all seeds."""
    return [f"{training}/{steps}/{seed}/{rate}" for seed in SEEDS]


@cache
def rates() -> dict[str, dict[float, float]]:
    """By training and rate the PSNR of the photograph that nothing learns from, a mean over seeds."""
    made = PARTS.all([key for t in TRAININGS for rate in RATES for key in keys(STEPS, t, rate)], run)
    return {
        t: {rate: fmean(made[key][0]["chosen by"] for key in keys(STEPS, t, rate)) for rate in RATES} for t in TRAININGS
    }


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    found = rates()
    taken = {t: max(own, key=own.get) for t, own in found.items()}
    wanted = [(steps, t, rate) for steps in (STEPS, FIVE_TIMES) for t in TRAININGS for rate in RATES]
    wanted = [own for own in wanted if own[0] == STEPS or own[2] == taken[own[1]]]
    made = PARTS.all([key for own in wanted for key in keys(*own)], run)
    scores = {key: own["scores"] for key, (own, _) in made.items()}
    pairs = {
        f"{LAYER}/{t}/{steps}/{seed}": scores[f"{t}/{steps}/{seed}/{taken[t]}"]
        for steps in (STEPS, FIVE_TIMES)
        for t in TRAININGS
        for seed in SEEDS
    }
    at_best = compared(pairs)
    last = at_best[f"{LAYER}/{FIVE_TIMES}"]["end to end - together"]["psnr"]
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "chosen": {t: {str(rate): value for rate, value in own.items()} for t, own in found.items()},
                "best": taken,
                "means": {key: {m: fmean(values) for m, values in own.items()} for key, own in scores.items()},
                "compared": at_best,
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only",
        seeds=SEEDS,
        metric=f"{LAYER}, {FIVE_TIMES} steps, each at its best rate: end to end less together {last['mean']:.2f} dB "
        f"({last['interval'][0]:.2f} to {last['interval'][1]:.2f})",
    )
