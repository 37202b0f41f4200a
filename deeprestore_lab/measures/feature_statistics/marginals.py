"""Families of densities for the values of a channel before its ReLU, fitted to many channels at once.

Taught in chapter 15_feature_statistics.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid

from deeprestore_lab.core.checks import check_choice, describe

LOG_2PI = math.log(2 * math.pi)
FREEDOM = (-0.7, 6.2)  # of log nu: from 0.5 to 500 degrees of freedom, where Student-t is a Gaussian in all but name
SCALE = (-12.0, 12.0)  # of the log of a scale


@dataclass(frozen=True)
class Family:
    """Densities with parameters theta `(C, k)` for C channels: their log of values `(C, n)`, and how they are fitted.

    `start` guesses theta from values, `bounds` limits its columns, and `closed` is the maximum of likelihood where it
    has a closed form.
    """

    name: str
    log_density: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    start: Callable[[torch.Tensor], torch.Tensor]
    bounds: tuple[tuple[float | None, float | None], ...] = ()
    closed: bool = False


def _scaled(theta: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(x - location) / scale and log scale, of columns 0 and 1."""
    log_scale = theta[:, [1]]
    return (x - theta[:, [0]]) * (-log_scale).exp(), log_scale


def gauss(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    z, log_scale = _scaled(theta, x)
    return -z.square() / 2 - LOG_2PI / 2 - log_scale


def laplace(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    z, log_scale = _scaled(theta, x)
    return -z.abs() - 0.6931471805599453 - log_scale


def logistic(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    z, log_scale = _scaled(theta, x)
    return logsigmoid(z) + logsigmoid(-z) - log_scale


def student(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    z, log_scale = _scaled(theta, x)
    nu = theta[:, [2]].exp()
    constant = torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - (nu.log() + 1.1447298858494002) / 2
    return constant - log_scale - (nu + 1) / 2 * torch.log1p(z.square() / nu)


def _moments(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([x.mean(1), x.std(1, correction=0).clamp_min(1e-12).log()], 1)


def _medians(x: torch.Tensor) -> torch.Tensor:
    middle = x.median(1).values
    return torch.stack([middle, (x - middle[:, None]).abs().mean(1).clamp_min(1e-12).log()], 1)


LOCATED = ((None, None), SCALE)
FAMILIES = {
    "gauss": Family("gauss", gauss, _moments, closed=True),
    "laplace": Family("laplace", laplace, _medians, closed=True),
    "logistic": Family("logistic", logistic, lambda x: _moments(x) - torch.tensor([0.0, 0.6]), LOCATED),
    "student": Family(
        "student",
        student,
        lambda x: torch.cat([_medians(x), torch.full((len(x), 1), 1.5, dtype=x.dtype)], 1),
        (*LOCATED, FREEDOM),
    ),
}


def fit_marginal(family: str, x: torch.Tensor) -> torch.Tensor:
    r"""The parameters theta `(C, k)` that make the values `x` `(C, n)` of each channel most likely.

    "gauss", "laplace", "logistic": location and log scale; "student": these and the log of the degrees of freedom,
    between 0.5 and 500. Gauss and Laplace have closed forms; for the others SciPy's L-BFGS-B climbs the mean log
    density of all channels at once, which is highest where each channel's is. `FAMILIES[family].log_density(theta, y)`
    is then the log density of other values `(C, m)`, in nats: its mean over photographs that were not fitted on
    compares families whatever the number of their parameters. At the bound of 500 a Student-t is less than 0.001 nats a
    value behind the Gaussian that it would become. float64. Raises `ValueError` for another family, values that are
    none, and a channel whose values are all equal. Taught in chapter 15_feature_statistics.

    >>> theta = fit_marginal("laplace", torch.tensor([[-1.0, 0.0, 1.0, 2.0, 3.0]]))
    >>> theta[0, 0].item(), round(theta[0, 1].exp().item(), 3)
    (1.0, 1.2)
    """
    check_choice(family, tuple(FAMILIES), name="family")
    x = check_values(x)
    if (x == x[:, :1]).all(1).any():
        raise ValueError("a channel whose values are all equal has no likeliest scale")
    return fitted(FAMILIES[family], x)


def fitted(family: Family, x: torch.Tensor) -> torch.Tensor:
    """The maximum of a family's likelihood for values `(C, n)`, float64."""
    start = family.start(x)
    return start if family.closed else climbed(lambda theta: family.log_density(theta, x).mean(1), start, family.bounds)


def climbed(
    mean_log_density: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    bounds: tuple[tuple[float | None, float | None], ...],
) -> torch.Tensor:
    """The theta `(C, k)` of the highest sum of `mean_log_density(theta)` `(C,)`, found from `start` within bounds."""
    from scipy.optimize import minimize

    def loss(flat):
        theta = torch.from_numpy(flat).view(start.shape).requires_grad_()
        value = -mean_log_density(theta).sum()
        (slope,) = torch.autograd.grad(value, theta)
        return value.item(), slope.flatten().numpy()

    options = {"maxiter": 400, "maxfun": 800, "ftol": 1e-12, "gtol": 1e-7, "maxcor": 20}
    flat = start.double().flatten().numpy()
    found = minimize(loss, flat, jac=True, method="L-BFGS-B", bounds=list(bounds) * len(start), options=options)
    return torch.from_numpy(found.x).view(start.shape)


def check_values(x: torch.Tensor) -> torch.Tensor:
    """Return values of channels `(C, n)` in float64 if they are finite and at least two each, else `ValueError`."""
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or not x.is_floating_point() or x.shape[1] < 2:
        raise ValueError(f"values must be a float tensor (C, n), n at least 2, got {describe(x)}")
    if not torch.isfinite(x).all():
        raise ValueError("values must be finite")
    return x.detach().double()
