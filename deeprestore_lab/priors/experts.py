"""Experts: the negative log-density of one filter's response, with its two derivatives.

Taught in chapter 14_learned_filters.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import softplus

from deeprestore_lab.core.checks import check_choice

Pointwise = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Expert:
    r"""phi(s) = -log p(s) up to a constant, phi(0) = 0, for each response s by itself.

    `potential` is phi, `derivative` phi', `curvature` phi''; each maps a tensor to one of its shape. phi'' lies in
    [`smallest`, `largest`]: the one bounds a solver's step, the other says how far from convex phi is.
    """

    name: str
    potential: Pointwise
    derivative: Pointwise
    curvature: Pointwise
    smallest: float
    largest: float


def _half_square(s: torch.Tensor) -> torch.Tensor:
    return s.square() / 2


STUDENT = Expert(
    name="student",
    potential=lambda s: _half_square(s).log1p(),
    derivative=lambda s: s / (1 + _half_square(s)),
    curvature=lambda s: (1 - _half_square(s)) / (1 + _half_square(s)).square(),
    smallest=-1 / 8,  # at s^2 = 6
    largest=1.0,
)
LOGISTIC = Expert(
    name="logistic",
    potential=lambda s: s.abs() + 2 * softplus(-s.abs()) - 2 * softplus(torch.zeros_like(s)),
    derivative=lambda s: (s / 2).tanh(),
    curvature=lambda s: (1 - (s / 2).tanh().square()) / 2,
    smallest=0.0,
    largest=1 / 2,
)
EXPERTS = {expert.name: expert for expert in (STUDENT, LOGISTIC)}


def expert(name: str | Expert) -> Expert:
    r"""The expert of that name, or the one given.

    - "student": phi(s) = log(1 + s^2 / 2). With the weight alpha, exp(-alpha phi) is Student's t of 2 alpha - 1 degrees
      of freedom, a proper density for alpha > 1/2. It forgives large responses: phi' falls beyond s = sqrt(2).
    - "logistic": phi(s) = 2 log cosh(s / 2), a logistic density. phi' stays at 1: a convex phi.

    Raises `ValueError` for another name. Source: Welling, Hinton & Osindero (2003) for Student-t experts; Bell &
    Sejnowski (1995) for the logistic one.

    >>> expert("student").derivative(torch.tensor([0.0, 2.0**0.5]))  # the largest there is
    tensor([0.0000, 0.7071])
    """
    if isinstance(name, Expert):
        return name
    return EXPERTS[check_choice(name, tuple(EXPERTS), name="expert")]
