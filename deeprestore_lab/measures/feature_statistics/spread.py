"""What a prior says of natural maps and of others: which it prefers, and how well it tells them apart.

Taught in chapter 15_feature_statistics.
"""

from typing import NamedTuple

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.measures.sample_quality import area_under_roc


class Separation(NamedTuple):
    """A prior's energies of other pictures beside those of natural ones.

    `ratio` is the geometric mean of other / natural, picture by picture: below 1 the prior prefers the other one.
    `deviations` is the mean of log(other / natural) in standard deviations of log natural. `area` is the chance that
    another picture has the larger energy than a natural one, whichever two.
    """

    ratio: float
    deviations: float
    area: float


def separation(natural: torch.Tensor, other: torch.Tensor) -> Separation:
    r"""How a prior splits energies `natural` `(N,)` from `other` `(N,)`, of the same photographs in the same order.

    Energies are compared by their logarithms, since a prior's unit and weight then drop out: they must be above 0.
    Raises `ValueError` for others, for fewer than two photographs, and for natural energies that are all equal. Taught
    in chapter 15_feature_statistics.

    >>> separation(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0])).ratio
    4.0
    """
    for name, values in (("natural", natural), ("other", other)):
        fits = isinstance(values, torch.Tensor) and values.ndim == 1 and values.shape == natural.shape
        if not fits or len(values) < 2 or not (values > 0).all():
            raise ValueError(f"{name} must be energies above 0, one for each of two photographs or more, got {values}")
        if not torch.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got {describe(values)}")
    logs = natural.double().log()
    if not logs.std() > 1e-12 * logs.abs().max():
        raise ValueError("natural energies are all equal: there is no spread to measure in")
    shift = (other.double().log() - logs).mean()
    return Separation(float(shift.exp()), float(shift / logs.std()), area_under_roc(natural, other))
