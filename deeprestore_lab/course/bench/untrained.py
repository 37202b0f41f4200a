"""The deep image prior on a task of the bench: its pictures after three numbers of steps of one run."""

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.course.bench.tasks import Problem
from deeprestore_lab.parametrisations import DeepImagePrior
from deeprestore_lab.solve import minimise

STEPS = 1024  # those of the record `dip_tasks`
PRESET, BETA, INPUT_NOISE, LR = "tiny", 0.99, 1 / 30, 0.01
SHARES = (0.25, 0.5, 1.0)  # of the steps, where the best is looked for


def averages(problem: Problem, shares: Sequence[float] = SHARES, *, steps: int = STEPS, seed: int = 0) -> list:
    r"""What a network that nobody trained shows after each share of `steps`: running averages, `problem.shape`.

    One run of Adam on the data term alone, with the settings of chapter 11: input noise 1/30, average 0.99. The
    average is a_0 = x_0, a_t = 0.99 a_{t-1} + 0.01 x_t. Where pixels are known with little noise they are not put back.
    Raises `ValueError` for shares that are not above 0 and at most 1, in order.
    """
    wanted = [round(share * steps) for share in shares]
    if not wanted or wanted != sorted(set(wanted)) or wanted[0] < 1 or wanted[-1] > steps:
        raise ValueError(f"shares must rise, be above 0 and at most 1, got {describe(shares)}")
    mean, seen = torch.zeros(0), {}

    def note(step: int, x: torch.Tensor) -> None:
        nonlocal mean
        mean = x.clone() if step == 0 else torch.lerp(x, mean, BETA)
        if step in wanted:
            seen[step] = mean.clone()

    minimise(
        problem.data,
        DeepImagePrior(problem.shape, preset=PRESET, seed=seed),
        steps=wanted[-1],
        lr=LR,
        input_noise=INPUT_NOISE,
        seed=seed,
        callback=note,
        snapshots=False,
        progress=False,
    )
    return [seen[step] for step in wanted]
