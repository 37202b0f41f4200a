r"""Flow matching in the words of denoising: one network's answer, two ways to say it.

x_t = (1 - t) x + t n, t from 0 (picture) to 1 (noise). The velocity that flow matching learns, the mean of n - x given
x_t, is (x_t - D) / t, with D the mean of x given x_t, and x_t / (1 - t) is a picture with noise of level
sigma = t / (1 - t). Taught in chapter 21_sampling.
"""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_positive, describe
from deeprestore_lab.energies import Energy
from deeprestore_lab.sampling.scores import Mean, mean_of

Velocity = Callable[[torch.Tensor, float], torch.Tensor]


def time_of_level(sigma: float) -> float:
    """t = sigma / (1 + sigma), in (0, 1). Raises `ValueError` for a level not above 0.

    >>> time_of_level(1.0)
    0.5
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    return sigma / (1 + sigma)


def as_velocity(source: Energy | Mean) -> Velocity:
    r"""v(x_t, t) = (x_t - D(x_t / (1 - t), t / (1 - t))) / t, for 0 < t < 1, of a mean under noise.

    Euler's method for dx/dt = v, from t to s, and then divided by 1 - s, gives the numbers of `Euler` between the
    levels: the two straight lines are one. Raises `ValueError` for a time outside (0, 1). Source: Lipman et al. (2023),
    "Flow matching for generative modeling", example II with time reversed. Taught in chapter 21_sampling.
    """
    mean = mean_of(source)

    def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
        if check_positive(t, name="t", single=True) >= 1:
            raise ValueError(f"t must lie between 0 and 1, got {t!r}")
        return (x - mean(x / (1 - t), t / (1 - t))) / t

    return velocity


def velocity_as_mean(velocity: Velocity) -> Mean:
    r"""D(y, sigma) = x_t - t v(x_t, t) with t = sigma / (1 + sigma) and x_t = (1 - t) y: for our samplers.

    Raises `ValueError` for what cannot be called. Taught in chapter 21_sampling.

    >>> velocity_as_mean(as_velocity(lambda y, sigma: y / 2))(torch.ones(1, 1, 1, 1), 3.0).item()
    0.5
    """
    if not callable(velocity):
        raise ValueError(f"velocity must be a function of pictures and a time, got {describe(velocity)}")

    def mean(y: torch.Tensor, sigma: float) -> torch.Tensor:
        t = time_of_level(sigma)
        x = (1 - t) * y
        return x - t * velocity(x, t)

    return mean
