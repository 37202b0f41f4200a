"""The methods of the course as functions of a problem and a weight: what others are compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch

from deeprestore_lab.course.bench.tasks import Problem
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import trained_denoiser
from deeprestore_lab.operators import Identity
from deeprestore_lab.operators.frames import threshold_denoise
from deeprestore_lab.priors import DenoiserScore, FieldOfExperts, RidgeFamily, Tikhonov, TotalVariation
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.solve import minimise

Denoise = Callable[[torch.Tensor, float], torch.Tensor]
TOLD = (5 / 255, 10 / 255, 20 / 255)  # what denoisers are told below 10/255, those of twice the noise or more
USUAL = 10 / 255  # the least they are told at calibrated weight 1: below it a splitting is slow


@dataclass(frozen=True)
class Rival:
    """A method: its name, what it gives for a problem, its steps, and the weights that are tried for its best.

    `restored(problem, weight)`; weight 1 is the calibrated one. A method with `told` is made of a denoiser, and
    `restored(problem, weight, level)` tells it that the noise has this level, in the units of the picture; without a
    level it is `usual_level` of the problem's noise.
    """

    name: str
    restored: Callable[..., torch.Tensor]
    weights: tuple[float, ...]
    steps: int
    told: bool = False
    one_level: bool = False  # is tried of a denoiser, the usual one

    def settings(self, sigma: float) -> list[tuple[float, float | None]]:
        """The weights and levels that are tried at noise of the level `sigma`, the calibrated ones first."""
        if not self.told:
            levels = [None]
        elif self.one_level:
            levels = [usual_level(sigma)]
        else:  # a denoiser of strong noise is also told half of it, one of weak noise twice and more
            levels = [sigma / 2, sigma] if sigma >= USUAL else [at for at in TOLD if at >= 2 * sigma]
        pairs = [(weight, level) for weight in self.weights for level in levels]
        usual = (1.0, usual_level(sigma) if self.told else None)
        return sorted(pairs, key=lambda pair: pair != usual)


def usual_level(sigma: float) -> float:
    """What a denoiser is told at calibrated weight 1: the level of the noise, but 10/255 at least."""
    return max(float(sigma), USUAL)


def _minimised(
    problem: Problem,
    prior: object,
    *,
    steps: int,
    solver: str = "auto",
    tolerance: float = 1e-5,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    start = problem.start if start is None else start
    energy = problem.data + prior
    return minimise(energy, start, solver=solver, steps=steps, tolerance=tolerance, snapshots=False, progress=False).x


def _calibrated(
    problem: Problem, weight: float, *, make: Callable[[], Prior], steps: int, solver: str = "auto"
) -> torch.Tensor:
    prior = weight * make().calibrated(problem.sigma, channels=problem.shape[1])
    return _minimised(problem, prior, steps=steps, solver=solver)


def filled(problem: Problem) -> torch.Tensor:
    """Where a search of few steps begins: at total variation's picture, or the noisy one where only noise is there."""
    if isinstance(problem.operator, Identity):
        return problem.start
    return _calibrated(problem, 1.0, make=TotalVariation, steps=300)


def _nothing(problem: Problem, weight: float) -> torch.Tensor:
    return problem.start


@cache
def _family() -> RidgeFamily:
    return RidgeFamily.trained()


def _ridge(problem: Problem, weight: float, *, steps: int) -> torch.Tensor:
    """A weight w takes the energy at the level sigma / sqrt(w), or 1: its part near zero then counts w / sigma^2."""
    prior = _family().at(min(problem.sigma / weight**0.5, 1.0), border="mirror")
    return _minimised(problem, prior, steps=steps, solver="lbfgs", tolerance=1e-3, start=filled(problem))


@cache
def _network():
    return trained_denoiser()


def grey_denoised(y: torch.Tensor, sigma: float) -> torch.Tensor:
    """Grey pictures by the network for colour ones: the mean of three channels.

    Along that mean three equal channels of noise are noise of sqrt(3) sigma, and this is what the network is told. It
    learned levels up to 75/255, so strong noise, above 43/255, is beyond it.
    """
    with torch.no_grad():
        return _network()(y.expand(-1, 3, -1, -1), min(3**0.5 * float(sigma), 1.0)).mean(1, keepdim=True)


def frame_denoised(y: torch.Tensor, sigma: float) -> torch.Tensor:
    """The frame of 8 x 8 cosines, its responses cut at 2.75 standard deviations."""
    return threshold_denoise(y, sigma=float(sigma))


def _plugged(
    problem: Problem, weight: float, level: float | None = None, *, denoise: Denoise, steps: int, solver: str
) -> torch.Tensor:
    level = usual_level(problem.sigma) if level is None else level
    prior = weight * DenoiserScore(denoise, sigma=level, told=True)
    return _minimised(problem, prior, steps=steps, solver=solver, tolerance=1e-4, start=filled(problem))


def _red(problem: Problem, weight: float, level: float | None = None, *, denoise: Denoise, steps: int) -> torch.Tensor:
    """The other end of half-quadratic splitting: the picture whose gradient balances the denoiser's score."""
    level = usual_level(problem.sigma) if level is None else level
    seen = _plugged(problem, weight, level, denoise=denoise, steps=steps, solver="pnp_hqs")
    near = weight * GaussianLikelihood(Identity(), seen, sigma=level)
    return minimise(problem.data + near, seen, snapshots=False, progress=False).x


_GRID = (0.03125, 0.0625, 0.125, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0)
_COARSE = (0.1, 0.3, 1.0, 3.0)


def _rival(
    name: str,
    restored: Callable,
    weights: tuple[float, ...],
    *,
    steps: int,
    told: bool = False,
    one_level: bool = False,
    **settings: object,
) -> Rival:
    """A method of so many steps at most, with what else its function is given."""
    return Rival(name, partial(restored, steps=steps, **settings), weights, steps, told, one_level)


_PLUGGED = {"steps": 60, "solver": "pnp_admm", "told": True}
RIVALS = (
    Rival("nothing done", _nothing, (1.0,), 0),
    _rival("Tikhonov", _calibrated, _GRID, steps=300, make=lambda: Tikhonov("gradient")),
    _rival("total variation", _calibrated, _GRID, steps=300, make=TotalVariation),
    _rival("field of experts", _calibrated, _GRID, steps=300, make=FieldOfExperts.trained, solver="lbfgs"),
    _rival("ridge regulariser", _ridge, (0.03125, 0.125, 0.5, 1.0, 1.4), steps=120),
    _rival("frame, plug-and-play", _plugged, _COARSE, denoise=frame_denoised, one_level=True, **_PLUGGED),
    _rival("network, plug-and-play", _plugged, _COARSE, denoise=grey_denoised, **_PLUGGED),
    _rival("network, RED", _red, (1.0, 3.0), steps=60, denoise=grey_denoised, told=True, one_level=True),
)
