"""The methods of the course as functions of a problem and a weight: what others are compared with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.course.bench.tasks import Problem
from deeprestore_lab.priors import FieldOfExperts, Tikhonov, TotalVariation
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.solve import minimise

Weight = float | torch.Tensor


@dataclass(frozen=True)
class Rival:
    """A method: its name, what it gives for a problem at a weight, and the weights that are tried for its best.

    Weight 1 is the calibrated one.
    """

    name: str
    restored: Callable[[Problem, Weight], torch.Tensor]
    weights: tuple[float, ...]


def _minimised(problem: Problem, prior: object, *, steps: int, solver: str = "auto") -> torch.Tensor:
    trace = minimise(
        problem.data + prior,
        problem.start,
        solver=solver,
        steps=steps,
        tolerance=1e-5,
        snapshots=False,
        progress=False,
    )
    return trace.x


def _calibrated(make: Callable[[], Prior], *, steps: int, solver: str = "auto") -> Callable:
    def restored(problem: Problem, weight: Weight) -> torch.Tensor:
        prior = weight * make().calibrated(problem.sigma, channels=problem.shape[1])
        return _minimised(problem, prior, steps=steps, solver=solver)

    return restored


def _nothing(problem: Problem, weight: Weight) -> torch.Tensor:
    return problem.start


_GRID = (0.03125, 0.0625, 0.125, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0)
RIVALS = (
    Rival("nothing done", _nothing, (1.0,)),
    Rival("Tikhonov", _calibrated(lambda: Tikhonov("gradient"), steps=300), _GRID),
    Rival("total variation", _calibrated(TotalVariation, steps=300), _GRID),
    Rival("field of experts", _calibrated(FieldOfExperts.trained, steps=300, solver="lbfgs"), _GRID),
)
