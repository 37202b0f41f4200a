"""From noise to pictures along falling levels: ancestral sampling, and the flow without noise by Euler and by Heun."""

import math

import torch

from deeprestore_lab.core.checks import check_weight
from deeprestore_lab.energies import Energy
from deeprestore_lab.sampling.levels import check_levels
from deeprestore_lab.sampling.sampler import Noise, Sampler
from deeprestore_lab.sampling.scores import Mean, mean_of


class Reverse(Sampler):
    """What the samplers along falling levels share: the mean D(x, sigma), and the levels, the last of them mostly 0.

    `source` is a prior that knows its mean under noise or a network that is told the level (`mean_of`). The start must
    look like pictures with noise of the first level. Raises `ValueError` for levels that do not fall.
    """

    def __init__(self, source: Energy | Mean, levels: list[float]) -> None:
        self.mean, self.levels = mean_of(source), check_levels(levels)
        self.steps = len(self.levels) - 1

    def level(self, k: int) -> float:
        return self.levels[k + 1]


class Ancestral(Reverse):
    r"""x' ~ p(x_tau | x_sigma, x_0 = D(x, sigma)), step by step from the level sigma to tau.

        x' = D + tau^2 / sigma^2 (x - D) + tau sqrt(1 - tau^2 / sigma^2) n

    Exact where D is the picture; else the less wrong the smaller the step. One evaluation a step. Source: Ho, Jain &
    Abbeel (2020), equation 7, for noise that adds up instead of pictures that fade. Taught in chapter 21_sampling.
    """

    name = "ancestral"

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        sigma, tau = self.levels[k : k + 2]
        mean = self.mean(x, sigma)
        if tau == 0:
            return mean
        return mean + (tau / sigma) ** 2 * (x - mean) + tau * math.sqrt(1 - (tau / sigma) ** 2) * noise(x)


class Euler(Reverse):
    r"""x' = D + tau / sigma (x - D): the flow dx / dsigma = (x - D(x, sigma)) / sigma by Euler's method.

    The picture moves on its straight line to D. It draws no noise; what comes out is a function of the start. In the
    variables of pictures that fade this is DDIM (Song, Meng & Ermon 2021, equation 12 without noise), the same numbers.
    Source: Karras et al. (2022), equation 1. Taught in chapter 21_sampling.
    """

    name = "Euler (DDIM)"

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        sigma, tau = self.levels[k : k + 2]
        mean = self.mean(x, sigma)
        return mean + tau / sigma * (x - mean)


class Heun(Reverse):
    r"""Euler's step, then the mean of the slopes at both of its ends: two evaluations, an error of second order.

        d = (x - D(x, sigma)) / sigma,  x1 = x + (tau - sigma) d
        x' = x + (tau - sigma) (d + (x1 - D(x1, tau)) / tau) / 2         (x1 itself where tau = 0)

    So n levels cost 2 n - 1 evaluations. Source: Karras et al. (2022), algorithm 1. Taught in chapter 21_sampling.
    """

    name = "Heun"

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        sigma, tau = self.levels[k : k + 2]
        slope = (x - self.mean(x, sigma)) / sigma
        first = x + (tau - sigma) * slope
        if tau == 0:
            return first
        return x + (tau - sigma) * (slope + (first - self.mean(first, tau)) / tau) / 2

    def cost(self, k: int) -> int:
        return 1 if self.levels[k + 1] == 0 else 2


class Renoised(Reverse):
    r"""x' = D + tau (sqrt(1 - share) (x - D) / sigma + sqrt(share) n): of the noise a `share` is drawn anew.

    With 0 it is Euler's step, with 1 every step forgets the noise it came with. On the mean of `guided(...,
    rule="splitting")` it is DiffPIR. Raises `ValueError` for a share outside [0, 1]. Source: Zhu et al. (2023),
    algorithm 1. Taught in chapter 21_sampling.
    """

    name = "DiffPIR"

    def __init__(self, source: Energy | Mean, levels: list[float], *, share: float) -> None:
        super().__init__(source, levels)
        self.share = check_weight(share, name="share", single=True)
        if self.share > 1:
            raise ValueError(f"share must lie in [0, 1], got {share!r}")

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        sigma, tau = self.levels[k : k + 2]
        mean = self.mean(x, sigma)
        if tau == 0:
            return mean
        return mean + tau * (math.sqrt(1 - self.share) * (x - mean) / sigma + math.sqrt(self.share) * noise(x))
