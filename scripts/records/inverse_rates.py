"""Is it the learning rate? End to end at the deepest layer of `vgg_mini`, with smaller rates.

The record of inverse networks takes for each training the rate that was best at pool2 after 400 steps. Here "end to
end" tries smaller ones at pool3, 1500 steps with three seeds; the rate that is best for a photograph that nothing
learns from, on average over seeds, is then trained five times as long. "Together" keeps the rate that it had. Modules,
crops, starts and measures are those of that record.
"""

from __future__ import annotations

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
    given_back,
    measured,
    network,
    trained_network,
)
from scripts.records.inverse_networks import PARTS as OTHER
from scripts.records.inverse_networks import run as at_the_recorded_rate

RECORD, LAYER, TRAINING, STEPS = "inverse_rates", "pool3", "end to end", 1500
RATES = [3.75e-4, 7.5e-4, 1.5e-3]
SETTINGS = {
    "layer": LAYER,
    "training": TRAINING,
    "rates": RATES,
    "batch": BATCH,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
}
PARTS = Parts(RECORD, SETTINGS)


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training and its scores; the key is "rate/steps/seed"."""
    rate, steps, seed = key.split("/")
    start, lr = best(TRAINING)
    if float(rate) == lr:  # trained already, for the other record
        inverse = network(LAYER)
        inverse.load_state_dict(OTHER.get(f"{LAYER}/{TRAINING}/{steps}/{seed}/{start}", at_the_recorded_rate)[1])
    else:
        own = {"steps": int(steps), "lr": float(rate), "start": start, "seed": int(seed)}
        inverse = trained_network(LAYER, TRAINING, **own, file=PARTS.checkpoint(key))
    means = {name: fmean(values) for name, values in measured(inverse)["scores"].items()}
    chosen_by = float(psnr(given_back(inverse, stop_by()), stop_by()).mean())
    return means | {"chosen by": chosen_by}, inverse.state_dict()


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    made = PARTS.all([f"{rate}/{STEPS}/{seed}" for rate in RATES for seed in SEEDS], run)
    found = {rate: fmean(made[f"{rate}/{STEPS}/{seed}"][0]["chosen by"] for seed in SEEDS) for rate in RATES}
    taken = max(found, key=found.get)
    made |= PARTS.all([f"{taken}/{FIVE_TIMES}/{seed}" for seed in SEEDS], run)
    means = {key: own for key, (own, _) in made.items()}
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "chosen by": {str(rate): value for rate, value in found.items()},
                "best": taken,
                "means": means,
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only",
        seeds=SEEDS,
        metric=f"{LAYER}, {TRAINING}, {FIVE_TIMES} steps at rate {taken:g}, PSNR in dB: "
        + ", ".join(f"{means[f'{taken}/{FIVE_TIMES}/{seed}']['psnr']:.2f}" for seed in SEEDS),
    )
