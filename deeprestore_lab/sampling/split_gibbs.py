"""Split Gibbs sampling: the picture twice, once for the prior and once for the data, tied by a Gaussian."""

import math

import torch

from deeprestore_lab.core.checks import check_positive, check_whole, describe
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.sampling.guidance import check_gaussian
from deeprestore_lab.sampling.levels import karras_levels
from deeprestore_lab.sampling.reverse import Ancestral
from deeprestore_lab.sampling.sampler import Noise, Sampler
from deeprestore_lab.sampling.scores import Mean, mean_of


class SplitGibbs(Sampler):
    r"""Draws from p(x) exp(-||x - z||^2 / (2 rho^2)) p(y | z) by turns: z given x and y, then x given z.

    z given x is Gaussian, drawn exactly: (A^T A + q I) z = A^T (y + sigma_y e) + q (x + rho n), q = (sigma_y / rho)^2.
    x given z is the denoising of z at the level rho: ancestral steps from there down, `inner` of them. As rho falls and
    `inner` grows, x tends to the posterior, and the two move ever less in a sweep. A small rho alone does not do: so
    many steps keep a share c of the variance of x given z, and where nothing is measured x then has (1 + c) / 2 of the
    prior's variance, half of it with one step, however small rho is. `rhos` gives rho for each sweep: let it fall to
    the one that counts. Each sweep costs `inner` evaluations. `data` holds a linear A with an exact solve, y and one
    sigma_y. Raises `ValueError` where there is no solve, for data of other noise and for numbers that do not fit.
    Source: Vono, Dobigeon & Chainais (2019), "Split-and-augmented Gibbs sampler", algorithm 1. Taught in chapter
    21_sampling.
    """

    name = "split Gibbs"

    def __init__(
        self, source: Energy | Mean, data: GaussianLikelihood, *, rhos: list[float], inner: int, smallest: float = 0.002
    ) -> None:
        self.mean, self.data = mean_of(source), check_gaussian(data)
        self.inner = check_whole(inner, name="inner", least=1)
        self.smallest = check_positive(smallest, name="smallest", single=True)
        if not isinstance(rhos, list | tuple):
            raise ValueError(f"rhos must be a list, with a number for each sweep, got {describe(rhos)}")
        self.rhos = [check_positive(rho, name="rho", single=True) for rho in rhos]
        self.steps = check_whole(len(self.rhos), name="the number of sweeps", least=1)
        if not getattr(data.operator, "has_solve", False):
            raise ValueError(f"the data's operator {data.operator!r} has no exact solve")
        self.noise = check_positive(data.sigma, name="the noise of the data", single=True)

    def cost(self, k: int) -> int:
        return self.inner

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        rho, operator = self.rhos[k], self.data.operator
        q = (self.noise / rho) ** 2
        predicted = self.data.predicted(x)
        white = noise(predicted.real)
        if predicted.is_complex():  # the real and the imaginary part have the level each
            white = torch.complex(white, noise(predicted.imag))
        perturbed = self.data.measured(predicted) + self.noise * white
        z = operator.solve(operator.adjoint(perturbed) + q * (x + rho * noise(x)), q)
        if self.inner == 1:
            levels = [rho, 0.0]
        else:
            levels = karras_levels(self.inner, smallest=min(self.smallest, rho / 4), largest=rho, rho=3)
        inner = Ancestral(self.mean, levels)
        for j in range(inner.steps):
            z = inner.step(j, z, noise)
        return z


def falling(first: float, last: float, *, fall: int, stay: int) -> list[float]:
    """`fall` couplings from `first` on, by the constant factor that leads to `last` next; then `last`, `stay` times.

    Raises `ValueError` for couplings not above 0, a last one above the first, and counts that are none.
    """
    first, last = check_positive(first, name="first", single=True), check_positive(last, name="last", single=True)
    if last > first:
        raise ValueError(f"couplings fall: last must be at most first, got {first:g} and {last:g}")
    fall, stay = check_whole(fall, name="fall", least=1), check_whole(stay, name="stay", least=0)
    ratio = math.log(last / first) / fall
    return [first * math.exp(ratio * k) for k in range(fall)] + [last] * stay
