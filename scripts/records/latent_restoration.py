"""Restoring 500 test digits with the naive and the mended auto-encoder, and with what needs none of them. Needs MNIST.

Six tasks: noise of 0.3 and 0.5; the right half, the middle, stripes and a random 75 % missing, with noise of 0.1 on the
rest. Both models are trained with three seeds, each of which draws its own noise. They restore over the code (from
E(y), from one drawn start, the best of six), over the image, and over both. Beside them total variation, PCA, the
nearest learnt digits and a denoising auto-encoder trained for the task. Every setting (the temperature, the weight, the
number of components, of neighbours, of code values) is the one with the highest mean PSNR on 200 validation digits,
chosen once, with seed 0. What is left is paired: mended less naive for the same digit and seed, averaged over seeds,
with a 95 % interval over digits.
"""

from __future__ import annotations

from dataclasses import asdict

import torch

from deeprestore_lab.core.artifacts import save_record
from scripts.making.digits.measures import LICENCE
from scripts.making.digits.study import GRIDS, LATENT, MASKED_NOISE, METHODS, TASKS, Settings, Study
from scripts.making.resumable import rounded


def interval(differences: torch.Tensor) -> dict:
    """Of `(seeds, N)`: the mean, half the 95 % interval over digits (seeds averaged), and each seed's mean."""
    digits = differences.mean(0)
    half = 1.96 * float(digits.std()) / len(digits) ** 0.5
    return {"mean": float(digits.mean()), "interval": half, "seeds": differences.mean(1).tolist()}


def measure(settings: Settings) -> dict:
    """The whole table, and the paired differences."""
    study, table, leads = Study(settings), {}, {}
    for task in TASKS:
        runs = {}
        for method in METHODS:
            each = [study.scores(method, task, seed) for seed in settings.seeds]
            runs[method] = {name: torch.stack([run[name] for run in each]) for name in each[0]}
        table[task] = {
            method: {name: interval(values) for name, values in found.items()} | study.chosen(method, task)
            for method, found in runs.items()
        }
        ways = [method.split(", ")[1] for method in METHODS if method.startswith("naive")]
        measures = list(runs[METHODS[0]])
        leads[task] = {
            way: {name: interval(runs[f"mended, {way}"][name] - runs[f"naive, {way}"][name]) for name in measures}
            for way in ways
        }
    return {
        "settings": asdict(settings) | {"seeds": list(settings.seeds), "masked_noise": MASKED_NOISE, "latent": LATENT},
        "grids": {name: list(grid) for name, grid in GRIDS.items()},
        "tasks": table,
        "mended less naive": leads,
    }


def main() -> None:
    """Measure what is not measured yet, and write the record."""
    settings = Settings()
    found = measure(settings)
    one = {task: lead["drawn start"]["psnr"]["mean"] for task, lead in found["mended less naive"].items()}
    save_record(
        "latent_restoration",
        rounded(found),
        command="make records NAME=latent_restoration",
        data="MNIST: 50,000 training digits, 200 to choose settings on, 500 test digits",
        licence=LICENCE,
        seeds=list(settings.seeds),
        metric="mended less naive from one drawn start, dB: " + ", ".join(f"{t} {v:+.2f}" for t, v in one.items()),
    )
