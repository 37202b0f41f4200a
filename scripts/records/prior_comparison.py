"""Which prior wins where: every method of `course.bench` on every task, at calibrated weight 1 and at its best weight.

Ten grey photographs that nothing shipped was learnt from; one draw of the noise. The best weight has the highest mean
PSNR over the ten, found with the truth: it bounds what tuning could give. BM3D, a method without a prior of this
course, denoises beside them.
"""

from __future__ import annotations

from statistics import fmean

import torch

from deeprestore_lab.baselines import bm3d
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.bench import PICTURES, RIVALS, TASKS
from deeprestore_lab.course.bench.compare import RECORD, judged
from deeprestore_lab.course.bench.tasks import SEED, SIZE
from scripts.making.resumable import Parts, rounded

DENOISING = [name for name in TASKS if name.startswith("noise")]
SETTINGS = {"pictures": list(PICTURES), "size": SIZE, "seed": SEED}
BY_NAME = {rival.name: rival for rival in RIVALS}


def part(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The scores of one method on one task at one weight."""
    method, task, weight = key.split("/")
    if method == "BM3D":
        return judged(lambda problem: bm3d(problem.y, problem.sigma), task), {}
    return judged(lambda problem: BY_NAME[method].restored(problem, float(weight)), task), {}


def summary(runs: dict[str, dict], method: str) -> dict[str, dict]:
    """The scores of a method at weight 1 and at its best, task by task."""
    found: dict[str, dict] = {"calibrated": {}, "best": {}}
    for task in TASKS:
        own = {float(key.split("/")[2]): run for key, run in runs.items() if key.startswith(f"{method}/{task}/")}
        if own:
            best = max(own, key=lambda weight: fmean(own[weight]["psnr"]))
            found["calibrated"][task] = own[1.0]
            found["best"][task] = own[best] | {"weight": best, "at_an_edge": best in (min(own), max(own))}
    return found


def main() -> None:
    """Run what is missing and write the record."""
    torch.set_num_threads(1)
    keys = [f"{rival.name}/{task}/{weight}" for rival in RIVALS for task in TASKS for weight in rival.weights]
    keys += [f"BM3D/{task}/1.0" for task in DENOISING]
    weights = {rival.name: list(rival.weights) for rival in RIVALS}
    made = Parts(RECORD, SETTINGS).all(keys, part)  # more weights add parts
    runs = {key: numbers for key, (numbers, _) in made.items()}
    methods = {name: summary(runs, name) for name in [*BY_NAME, "BM3D"]}
    means = {
        name: fmean(fmean(run["psnr"]) for run in own["calibrated"].values())
        for name, own in methods.items()
        if len(own["calibrated"]) == len(TASKS)
    }
    save_record(
        RECORD,
        rounded(SETTINGS | {"weights": weights, "methods": methods}),
        command=f"make records NAME={RECORD}",
        data="photographs of scikit-image: " + ", ".join(PICTURES),
        licence="numbers only",
        seeds=[SEED],
        metric="mean PSNR over all tasks at weight 1: " + ", ".join(f"{name} {db:.2f}" for name, db in means.items()),
    )


if __name__ == "__main__":
    main()
