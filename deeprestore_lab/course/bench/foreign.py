"""A method of another library as a function of a problem and a weight: EPLL by deepinv."""

from functools import partial

import torch

from deeprestore_lab.baselines.epll import epll
from deeprestore_lab.course.bench.rivals import Rival, filled
from deeprestore_lab.course.bench.tasks import Problem
from deeprestore_lab.operators import Identity

STEPS = 10  # half of them, the package's five, where noise is all there is
FIRST = 20 / 255  # the least level at which patches are first estimated where a picture is more than noisy
WEIGHTS = (0.25, 0.5, 1.0, 1.4)


def _first(problem: Problem) -> tuple[torch.Tensor, float]:
    """Where the search begins, and at which level: the noisy picture and its noise, else total variation's picture."""
    noisy = isinstance(problem.operator, Identity)
    return filled(problem), problem.sigma if noisy else max(problem.sigma, FIRST)


def _epll(problem: Problem, weight: float, *, steps: int) -> torch.Tensor:
    start, level = _first(problem)
    steps = steps // 2 if isinstance(problem.operator, Identity) else steps
    found = []
    for place in range(len(start)):
        one = problem.alone(place)
        settings = {"sigma": one.sigma, "start": start[place : place + 1], "level": level}
        found.append(epll(one.y, one.operator, weight=weight, steps=steps, **settings))
    return torch.cat(found)


DEEPINV = Rival("EPLL, deepinv", partial(_epll, steps=STEPS), WEIGHTS, STEPS)
