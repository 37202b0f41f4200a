"""Langevin's walk: uphill by the score, and noise. Unadjusted, with Metropolis's test, and along falling levels."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, check_whole
from deeprestore_lab.energies import Energy
from deeprestore_lab.sampling.levels import check_levels
from deeprestore_lab.sampling.sampler import Noise, Sampler
from deeprestore_lab.sampling.scores import Mean, mean_of, score


class Langevin(Sampler):
    r"""x' = x + h s(x) + sqrt(2 h) n, s the score of exp(-energy): unadjusted, and so biased by its step h = `lr`.

    On a Gaussian of variance lambda it ends at the variance lambda / (1 - h / (2 lambda)), and diverges for h >= 2
    lambda: the smallest variance bounds the step, the largest takes about lambda / h steps to forget where it began.
    `energy` needs a score, no value; a `DenoiserScore` draws pictures with noise of its level. Raises `ValueError`
    where there is no score, and for an lr not above 0. Source: Roberts & Tweedie (1996), section 1.4. Taught in chapter
    21_sampling.
    """

    name = "Langevin"

    def __init__(self, energy: Energy, *, lr: float, steps: int) -> None:
        if not isinstance(energy, Energy) or not energy.has_score:
            raise ValueError(f"Langevin's walk needs an energy with a score, got {energy!r}")
        self.energy, self.lr = energy, check_positive(lr, name="lr", single=True)
        self.steps = check_whole(steps, name="steps", least=1)

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        return x + self.lr * score(self.energy, x) + math.sqrt(2 * self.lr) * noise(x)


class AdjustedLangevin(Langevin):
    r"""Langevin's step as a proposal that Metropolis and Hastings's test accepts or refuses, for each picture (MALA).

        log a = R(x) - R(x') + (||x' - x - h s(x)||^2 - ||x - x' - h s(x')||^2) / (4 h)

    A refused picture stays where it is and counts again. The law it tends to is exp(-R) itself, whatever h; how fast is
    another matter. `energy` needs a value too. `accepted` `(N,)` is the share that passed. Raises `ValueError` where
    there is no value. Source: Roberts & Tweedie (1996), section 1.4.1. Taught in chapter 21_sampling.
    """

    name = "MALA"

    def __init__(self, energy: Energy, *, lr: float, steps: int) -> None:
        super().__init__(energy, lr=lr, steps=steps)
        if not energy.has_value:
            raise ValueError(f"{energy.name} has no value, and Metropolis's test compares values")
        self._at: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self.accepted: torch.Tensor | None = None

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        if k == 0 or self._at is None or self._at[0] is not x:
            self._at = x, self.energy(x), score(self.energy, x)
        _, value, slope = self._at
        drawn = math.sqrt(2 * self.lr) * noise(x)
        proposal = x + self.lr * slope + drawn
        new_value, new_slope = self.energy(proposal), score(self.energy, proposal)
        back = x - proposal - self.lr * new_slope
        change = (drawn.square() - back.square()).flatten(1).sum(1) / (4 * self.lr)
        chance = torch.special.ndtr(noise(value).double())  # uniform, from the one kind of noise that the loop gives
        passed = chance.log() < (value - new_value + change).double()
        there = passed[:, None, None, None]
        x = torch.where(there, proposal, x)
        self._at = x, torch.where(passed, new_value, value), torch.where(there, new_slope, slope)
        before = torch.zeros(len(x)) if k == 0 else self.accepted * k
        self.accepted = (before + passed.to(before)) / (k + 1)
        return x


class AnnealedLangevin(Sampler):
    r"""`inner` steps of Langevin's walk at each level, from strong noise to weak, with lr = `share` sigma^2.

        x' = x + share (D(x, sigma) - x) + sqrt(2 share) sigma n

    The pictures of one level are the start of the next. A level of 0 at the end means D of what is left at the last
    one above it. Where `source` is no mean but a sum of scores (a product of experts), this is what mends it, since the
    walk at each level needs no flow between them. Raises `ValueError` for levels that do not fall. Source: Song &
    Ermon (2019), algorithm 1, with lr in place of alpha / 2. Taught in chapter 21_sampling.
    """

    name = "annealed Langevin"

    def __init__(self, source: Energy | Mean, levels: list[float], *, inner: int, share: float) -> None:
        self.mean, self.levels = mean_of(source), check_levels(levels)
        self.inner = check_whole(inner, name="inner", least=1)
        self.share = check_positive(share, name="share", single=True)
        self.walked = len(self.levels) - (self.levels[-1] == 0)
        self.steps = self.walked * self.inner + (self.levels[-1] == 0)

    def level(self, k: int) -> float:
        return self.levels[min(k // self.inner, len(self.levels) - 1)]

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        if k >= self.walked * self.inner:
            return self.mean(x, self.levels[self.walked - 1])
        sigma = self.level(k)
        return x + self.share * (self.mean(x, sigma) - x) + math.sqrt(2 * self.share) * sigma * noise(x)
