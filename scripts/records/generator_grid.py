"""Six generators at three sizes, each trained on 500, 5,000 and 50,000 digits: the grid of chapter 13. Needs MNIST.

The cells are a sweep: on this machine's cores (DEEPRESTORE_WORKERS says how many), or on the cluster whose scheduler
DEEPRESTORE_SCHEDULER names (`make records NAME=generator_grid SCHEDULER=tcp://HOST:8786`; its workers start with
PYTHONPATH=.). Trainings are short; all cells have the same number of steps, the flow's apart, and two seeds. What
is shipped has the first auto-encoders trained in bfloat16 and the second in float32, as the machines at hand had it.
"""

from __future__ import annotations

import os

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.sweeps import sweep
from scripts.making.digits.cells import FLOW_BATCH, FLOW_STEPS, IMAGES, SETTINGS, STEPS, TRAINED, WIDTHS, cell
from scripts.making.digits.measures import LICENCE, training_digits
from scripts.making.resumable import CACHE, rounded

POINTS = [
    {"kind": kind, "size": size, "images": images, "seed": seed}
    for kind in TRAINED
    for size in WIDTHS
    for images in IMAGES
    for seed in (0, 1)
]


def main() -> None:
    """Train and measure the cells that are not there yet, and write the record."""
    training_digits()
    found = sweep(
        cell,
        POINTS,
        folder=CACHE / "generator_grid",
        settings=SETTINGS,
        scheduler=os.environ.get("DEEPRESTORE_SCHEDULER") or None,
        workers=int(os.environ.get("DEEPRESTORE_WORKERS", 0)) or None,
        progress=True,
    )
    cells = [cell for part in found for cell in part["cells"]]
    best = {c["kind"]: c["coverage"] for c in sorted(cells, key=lambda c: c["coverage"])}
    save_record(
        "generator_grid",
        rounded(
            {
                "settings": SETTINGS,
                "second auto-encoders": "float32, the first bfloat16",
                "bits": {"VAE": "bound", "flow": "exact"},
                "cells": cells,
            }
        ),
        command="make records NAME=generator_grid",
        data="MNIST: up to 50,000 training digits, 1,000 test digits",
        licence=LICENCE,
        seeds=[0, 1],
        metric=f"{STEPS} steps each, {FLOW_STEPS} of {FLOW_BATCH} digits for the flow; best coverage of test digits: "
        + ", ".join(f"{kind} {100 * value:.0f} %" for kind, value in best.items()),
    )
