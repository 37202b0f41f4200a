"""What a step of `minimise` costs beyond its arithmetic: the README's example at 32 x 32 against loops written out.

At this size a step is a few dozen small operations, so Python calls are what costs. The peer does the same arithmetic
with torch alone: no checks, no trace, no stopping. Both sides end at the same image. The note has the Python calls of a
step (a profiler counts them), and those of a step when everything was still checked at every step.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable

import torch

import deeprestore_lab as drl

SIZE, SIGMA, LR = 32, 10 / 255, 0.01
GOAL = 2 / 3  # of the Python calls, at most
BEFORE = {"adam": 114, "lbfgs": 167, "proximal": 274, "admm": 217}  # Python calls a step, with checks in the loop
BEFORE_RATIO = 0.50  # Adam's: the arithmetic was half of a step
SMOOTHING = {"adam": 0.0, "lbfgs": 1e-2, "proximal": 0.0, "admm": 0.0}


def problem() -> tuple[torch.Tensor, torch.Tensor, float]:
    """(mask, y, the weight of total variation)."""
    x = drl.images.photograph("astronaut", size=SIZE)
    mask = drl.images.text_mask(x)
    y = drl.operators.Mask(mask)(x) + drl.images.gaussian_noise(x, sigma=SIGMA, seed=0)
    return mask, y, float(drl.priors.TotalVariation().calibrated(sigma=SIGMA).weighted[0][0])


def library(solver: str) -> Callable[[int], torch.Tensor]:
    """The function from a number of steps to the image that `minimise` gives."""
    mask, y, weight = problem()
    data = drl.energies.GaussianLikelihood(drl.operators.Mask(mask), y, sigma=SIGMA)
    energy = data + weight * drl.priors.TotalVariation(smoothing=SMOOTHING[solver])
    options = {"solver": solver, "tolerance": 0.0, "snapshots": False, "progress": False}
    return lambda steps: drl.minimise(energy, y, steps=steps, **options).x


def adam(steps: int) -> torch.Tensor:
    """Adam on the same energy by torch alone."""
    mask, y, weight = problem()
    theta, first, second = y.clone().requires_grad_(), torch.zeros_like(y), torch.zeros_like(y)
    for count in range(1, steps + 1):
        d = theta.new_zeros(*y.shape[:2], 2, *y.shape[2:])
        d[:, :, 0, :-1] = theta[..., 1:, :] - theta[..., :-1, :]
        d[:, :, 1, :, :-1] = theta[..., :, 1:] - theta[..., :, :-1]
        value = (mask * theta - y).square().sum() / (2 * SIGMA**2)
        value = value + weight * torch.linalg.vector_norm(d, dim=(1, 2)).sum()
        (g,) = torch.autograd.grad(value, theta)
        with torch.no_grad():
            first, second = torch.lerp(first, g, 0.1), (0.999 * second).addcmul_(g, g, value=1e-3)
            size = (second.sqrt() / (1 - 0.999**count) ** 0.5).add_(1e-8)
            theta = torch.addcdiv(theta, first, size, value=-LR / (1 - 0.9**count)).requires_grad_()
    return theta.detach()


def calls(run: Callable[[int], torch.Tensor], *, low: int = 10, high: int = 20) -> float:
    """Python calls of one step: those of a run of `high` steps less those of `low`."""

    def count(steps: int) -> int:
        profile = cProfile.Profile()
        profile.runcall(run, steps)
        return sum(row[1] for (file, *_), row in pstats.Stats(profile).stats.items() if file != "~")

    return (count(high) - count(low)) / (high - low)


def seconds(run: Callable[[int], torch.Tensor], *, low: int, high: int) -> float:
    """CPU seconds of one step, the start and the end left out; at this size one thread does it all."""
    times = []
    for steps in (low, high):
        began = time.process_time()
        run(steps)
        times.append(time.process_time() - began)
    return (times[1] - times[0]) / (high - low)


def run(repeats: int = 7, *, low: int = 20, high: int = 120) -> list[dict]:
    """Adam against its loop, in turns, the best of `repeats`; the other solvers by their calls alone."""
    rows, threads = [], torch.get_num_threads()
    torch.set_num_threads(1)  # a second thread would only wait at this size, and its waiting be counted
    for solver, before in BEFORE.items():
        ours = library(solver)
        ours(2)  # imports and caches
        found = calls(ours)
        note = f"{found:.0f} Python calls a step, {before} before"
        row = {
            "name": f"a step of {solver}, {SIZE} x {SIZE}",
            "ours_s": None,
            "peer": "",
            "peer_s": None,
            "ratio": None,
        }
        if solver == "adam":
            note += f", and a ratio of {BEFORE_RATIO:g}"
            note += f"; results differ by {float((ours(low) - adam(low)).abs().max()):.1e} at most"
            pairs = [[seconds(side, low=low, high=high) for side in (ours, adam)] for _ in range(repeats)]
            mine, theirs = (min(times) for times in zip(*pairs, strict=True))
            row |= {"ours_s": mine, "peer": "torch, written out", "peer_s": theirs, "ratio": theirs / mine}
        rows.append(row | {"goal": "a third fewer calls", "met": found <= GOAL * before, "note": note})
    torch.set_num_threads(threads)
    return rows


if __name__ == "__main__":
    torch.set_num_threads(2)
    for row in run():
        print(row)
