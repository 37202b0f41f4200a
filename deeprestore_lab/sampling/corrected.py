"""A step down the levels, then Langevin's walk at the level where it ends: predictor and corrector."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, check_whole, describe
from deeprestore_lab.sampling.reverse import Reverse
from deeprestore_lab.sampling.sampler import Noise, Sampler


class Corrected(Sampler):
    r"""A step of `predictor` from sigma to tau, then `inner` steps of Langevin's walk at the level tau.

        x' = x + share (D(x, tau) - x) + sqrt(2 share) tau n

    The walk asks for the law at one level only. So it forgets part of what the step did wrong, and where the mean of
    the predictor belongs to no law (a sum of scores, a guidance by a guess) it is what leads to exp of the sum at that
    level. No walk follows the last step, to 0. Each level costs the predictor's evaluations and `inner` more. Raises
    `ValueError` for a predictor that is none of those along falling levels, and for numbers that do not fit. Source:
    Song et al. (2021), "Score-based generative modeling through stochastic differential equations", algorithm 1. Taught
    in chapter 21_sampling.

    >>> from deeprestore_lab.sampling.reverse import Ancestral
    >>> walk = Corrected(Ancestral(lambda y, sigma: y / (1 + sigma**2), [2.0, 1.0, 0.0]), inner=3, share=0.1)
    >>> walk.evaluations  # one for each of two steps, three at the level 1
    5
    """

    name = "corrected"

    def __init__(self, predictor: Reverse, *, inner: int, share: float) -> None:
        if not isinstance(predictor, Reverse):
            raise ValueError(f"predictor must be a sampler along falling levels, got {describe(predictor)}")
        self.predictor, self.steps = predictor, predictor.steps
        self.inner = check_whole(inner, name="inner", least=1)
        self.share = check_positive(share, name="share", single=True)

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        x, tau = self.predictor.step(k, x, noise), self.level(k)
        if tau == 0:
            return x
        for _ in range(self.inner):
            x = x + self.share * (self.predictor.mean(x, tau) - x) + math.sqrt(2 * self.share) * tau * noise(x)
        return x

    def cost(self, k: int) -> int:
        return self.predictor.cost(k) + self.inner * (self.level(k) > 0)

    def level(self, k: int) -> float:
        return self.predictor.level(k)
