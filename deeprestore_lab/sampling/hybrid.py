"""Two means in one: one where the noise is strong, another where it is weak."""

import torch

from deeprestore_lab.core.checks import check_positive
from deeprestore_lab.energies import Energy
from deeprestore_lab.sampling.scores import Mean, mean_of


def switched(strong: Energy | Mean, weak: Energy | Mean, *, at: float) -> Mean:
    """The mean of `strong` above the level `at`, that of `weak` at it and below.

    Under strong noise little but the place among the large clusters is left to know, which a mixture knows well;
    details are a network's. Raises `ValueError` for a level not above 0. Taught in chapter 21_sampling.
    """
    above, below, at = mean_of(strong), mean_of(weak), check_positive(at, name="at", single=True)

    def mean(y: torch.Tensor, sigma: float) -> torch.Tensor:
        return (above if sigma > at else below)(y, sigma)

    return mean
