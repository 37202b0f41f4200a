"""A sweep of 25 weights in one batch against 25 runs: denoising a photograph of 128 x 128 by total variation.

Both sides solve the same problems to the same tolerance, and their results are compared. Three solvers: the proximal
one (which `minimise` picks), L-BFGS and Adam on smoothed total variation. Each time is the best of several,
alternating between the sides.

A batch saves calls of Python and uses both cores, which a single small picture hardly does; the arithmetic is the same.
What it saves on one core, in seconds of the processor, has rows of its own, without a goal.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

import deeprestore_lab as drl
from benchmarks.timing import timed

GOAL = 3.0
SIGMA = 25 / 255
WEIGHTS = torch.logspace(-1, 1, 25)
SOLVERS = {
    "proximal": ({"solver": "auto"}, 0.0),
    "lbfgs": ({"solver": "lbfgs", "tolerance": 1e-3}, 1e-2),
    "adam": ({"solver": "adam", "steps": 100, "tolerance": 0.0}, 1e-2),
}


def problem(name: str, *, colour: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """The function from weights `(N,)` to solutions, N of them."""
    options, smoothing = SOLVERS[name]
    x = drl.images.photograph("astronaut", size=128)
    x = x if colour else drl.images.to_grey(x)
    y = x + drl.images.gaussian_noise(x, sigma=SIGMA, seed=0)
    scale = drl.priors.TotalVariation().calibrated(sigma=SIGMA).weighted[0][0]
    data = drl.energies.GaussianLikelihood(drl.operators.Identity(), y, sigma=SIGMA)
    prior = scale * drl.priors.TotalVariation(smoothing=smoothing)

    def solve(weights: torch.Tensor) -> torch.Tensor:
        start = y.expand(len(weights), -1, -1, -1)
        weight = weights if len(weights) > 1 else weights.item()
        return drl.minimise(data + weight * prior, start, snapshots=False, progress=False, **options).x

    return solve


def on_one_core(name: str, *, colour: bool, repeats: int = 3) -> dict:
    """The same in seconds of the processor, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        row = measure(name, colour=colour, repeats=repeats, clock=time.process_time)
    finally:
        torch.set_num_threads(threads)
    return row | {"name": f"{row['name']}, one core", "goal": "", "met": None}


def measure(name: str, *, colour: bool, repeats: int = 3, clock: Callable[[], float] = time.perf_counter) -> dict:
    """Both sides, alternating, the best of `repeats` each."""
    solve = problem(name, colour=colour)
    solve(WEIGHTS[:1])  # imports and caches
    ours, theirs = [], []
    for _ in range(repeats):
        seconds, batch = timed(lambda: solve(WEIGHTS), clock)
        ours.append(seconds)
        seconds, single = timed(lambda: torch.cat([solve(weight[None]) for weight in WEIGHTS]), clock)
        theirs.append(seconds)
    ratio = min(theirs) / min(ours)
    return {
        "name": f"25 weights in one batch, {name}, 128 x 128 {'colour' if colour else 'grey'}",
        "ours_s": min(ours),
        "peer": "25 runs",
        "peer_s": min(theirs),
        "ratio": ratio,
        "goal": f"{GOAL:g} times as fast",
        "met": ratio >= GOAL,
        "note": f"results differ by {float((batch - single).abs().max()):.1e} at most",
    }


def run(repeats: int = 3) -> list[dict]:
    """One row for each solver, on the grey and on the colour photograph, and what is left of it on one core."""
    kinds = [(name, colour) for colour in (False, True) for name in SOLVERS]
    rows = [measure(name, colour=colour, repeats=repeats) for name, colour in kinds]
    return rows + [on_one_core("proximal", colour=colour, repeats=repeats) for colour in (False, True)]


if __name__ == "__main__":
    torch.set_num_threads(2)
    for row in run():
        print(row)
