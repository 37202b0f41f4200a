"""Families for the values of a channel after its ReLU: a point mass at zero, and a density above it.

Likelihoods are with respect to the length above zero plus one at zero. Taught in chapter 15_feature_statistics.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import logsigmoid

from deeprestore_lab.core.checks import check_choice, describe
from deeprestore_lab.measures.feature_statistics.marginals import (
    FREEDOM,
    LOCATED,
    SCALE,
    check_values,
    climbed,
    gauss,
    laplace,
    logistic,
    student,
)

LOG_2 = math.log(2)
SHAPE = (-4.0, 6.0)  # of the log of a gamma's shape


class Fitted(NamedTuple):
    """A family fitted to channels after their ReLU: `log_density(y)` of values `(C, m)`, in nats, and `theta`."""

    log_density: Callable[[torch.Tensor], torch.Tensor]
    theta: torch.Tensor


def _exponential(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return -x * (-theta[:, [0]]).exp() - theta[:, [0]]


def _half_student(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return LOG_2 + student(torch.cat([torch.zeros_like(theta[:, :1]), theta], 1), x)


def _gamma(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    shape, log_scale = theta[:, [0]].exp(), theta[:, [1]]
    return (shape - 1) * x.log() - x * (-log_scale).exp() - torch.lgamma(shape) - shape * log_scale


def _log_laplace_mass(z: torch.Tensor) -> torch.Tensor:
    """log of P(Z < z); each side is given what it can take, so that no gradient is NaN."""
    return torch.where(z < 0, z.clamp_max(0) - LOG_2, torch.log1p(-(-z.clamp_min(0)).exp() / 2))


ABOVE = {  # density above zero, first guess from the mean of what is above, bounds
    "exponential": (_exponential, lambda m: m.log()[:, None], (SCALE,)),
    "half_student": (_half_student, lambda m: torch.stack([m.log(), torch.full_like(m, 1.5)], 1), (SCALE, FREEDOM)),
    "gamma": (_gamma, lambda m: torch.stack([torch.zeros_like(m), m.log()], 1), (SHAPE, SCALE)),
}
CUT = {  # density of what was cut at zero, log of its mass below
    "rectified_gauss": (gauss, torch.special.log_ndtr),
    "rectified_laplace": (laplace, _log_laplace_mass),
    "rectified_logistic": (logistic, logsigmoid),
}
RECTIFIED = (*ABOVE, *CUT)


def fit_rectified(family: str, x: torch.Tensor) -> Fitted:
    r"""Fit one family to the values `x` `(C, n)` of each channel after its ReLU: none below zero, some exactly zero.

    "exponential", "half_student", "gamma": a share p of zeros and, apart from it, that density above:
    log p at zero, log(1 - p) + log density(x) above. p is (zeros + 1/2) / (n + 1), so that a channel without a zero in
    one set can have one in another. "rectified_gauss", "rectified_laplace", "rectified_logistic": max(0, v) with v of
    that family, so two numbers alone say how many zeros there are and how large the rest is: log P(v < 0) at zero. By
    maximum likelihood, all channels at once. float64. Raises `ValueError` for another family, values below zero, and
    channels with no value above it. Source for the latter: Tobin (1958). Taught in chapter 15_feature_statistics.

    >>> found = fit_rectified("exponential", torch.tensor([[0.0, 0.0, 1.0, 3.0]]))
    >>> round(found.theta[0, 0].exp().item(), 3), round(found.log_density(torch.zeros(1, 1)).exp().item(), 3)
    (2.0, 0.5)
    """
    check_choice(family, RECTIFIED, name="family")
    x = check_values(x)
    zero = x == 0
    if (x < 0).any() or zero.all(1).any():
        raise ValueError(f"values after a ReLU are at least 0, and some of each channel above it, got {describe(x)}")
    return _cut(family, x, zero) if family in CUT else _apart(family, x, zero)


def _apart(family: str, x: torch.Tensor, zero: torch.Tensor) -> Fitted:
    """A point mass at zero and a density above it, each with parameters of its own."""
    density, start, bounds = ABOVE[family]
    above = (~zero).sum(1)
    share = (zero.sum(1) + 0.5) / (x.shape[1] + 1)
    filled = x.masked_fill(zero, 1.0)  # zeros have no logarithm; what they give is masked

    def mean(theta: torch.Tensor) -> torch.Tensor:
        return density(theta, filled).masked_fill(zero, 0.0).sum(1) / above

    theta = climbed(mean, start(x.sum(1) / above), bounds)

    def log_density(y: torch.Tensor) -> torch.Tensor:
        own = y == 0
        positive = (1 - share).log()[:, None] + density(theta, y.double().masked_fill(own, 1.0))
        return torch.where(own, share.log()[:, None], positive)

    return Fitted(log_density, theta)


def _cut(family: str, x: torch.Tensor, zero: torch.Tensor) -> Fitted:
    """max(0, v): the mass of v below zero is what is at zero."""
    density, log_mass = CUT[family]

    def log_likelihood(theta: torch.Tensor, y: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        return torch.where(own, log_mass(-theta[:, [0]] * (-theta[:, [1]]).exp()), density(theta, y))

    start = torch.stack([x.mean(1), x.std(1).clamp_min(1e-6).log()], 1)
    theta = climbed(lambda t: log_likelihood(t, x, zero).mean(1), start, LOCATED)
    return Fitted(lambda y: log_likelihood(theta, y.double(), y == 0), theta)
