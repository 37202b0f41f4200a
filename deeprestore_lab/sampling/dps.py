"""Diffusion posterior sampling: ancestral steps, and a step down the misfit after each."""

import math

import torch

from deeprestore_lab.core.checks import check_weight
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.sampling.guidance import check_gaussian, misfit_gradient
from deeprestore_lab.sampling.reverse import Ancestral
from deeprestore_lab.sampling.sampler import Noise
from deeprestore_lab.sampling.scores import Mean


class DPS(Ancestral):
    r"""An ancestral step of the prior, then x - weight f grad ||y - A D(x, sigma)||: no score of any posterior.

    The step does not know the noise of the data, nor how sure D is: `weight` (zeta in the paper, 0.1 to 1) sets both,
    and the spread of what comes out. f = sqrt((1 + 4 sigma^2) (1 + 4 tau^2)) translates from the paper's pictures, in
    [-1, 1] and fading as noise comes in, to ours. One evaluation with its gradient a step. Raises `ValueError` for
    levels that do not fall, a weight below 0, and data of other noise. Source: Chung et al. (2023), "Diffusion
    posterior sampling for general noisy inverse problems", algorithm 1 with the step sizes of its section C.2. Taught
    in chapter 21_sampling.
    """

    name = "DPS"

    def __init__(self, source: Energy | Mean, levels: list[float], data: GaussianLikelihood, *, weight: float) -> None:
        super().__init__(source, levels)
        self.data, self.weight = check_gaussian(data), check_weight(weight, single=True)

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        sigma, tau = self.levels[k : k + 2]
        mean, gradient = misfit_gradient(self.mean, self.data, x, sigma)
        kept = (tau / sigma) ** 2
        ancestral = mean + kept * (x - mean) + tau * math.sqrt(1 - kept) * noise(x)
        return ancestral - self.weight * math.sqrt((1 + 4 * sigma**2) * (1 + 4 * tau**2)) * gradient
