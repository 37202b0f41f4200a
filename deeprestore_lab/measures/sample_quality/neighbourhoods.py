"""Do samples lie where data lie, and reach all of it? Precision, recall, density and coverage from neighbours."""

from typing import NamedTuple

import torch

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.measures.discrepancies.neighbours import CHUNK, nearest
from deeprestore_lab.measures.discrepancies.samples import check_pair

_RIM = 1 + 1e-9  # a row at the radius lies inside, whatever the rounding


class PrecisionAndCoverage(NamedTuple):
    """Four shares; density alone can exceed 1.

    precision: of the samples that lie in some ball of a real row
    recall: of the real rows that lie in some ball of a sample
    density: balls of real rows in which a sample lies, on average, over k
    coverage: of the real rows whose ball holds a sample
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_and_coverage(samples: torch.Tensor, real: torch.Tensor, *, k: int = 5) -> PrecisionAndCoverage:
    r"""Precision and recall of Kynkaanniemi et al., density and coverage of Naeem et al., by balls to k-th neighbours.

    The ball of a row reaches to its `k`-th nearest other row of the same set: x_i are the N real rows with radii r_i,
    s_j the M samples with radii q_j.

        precision = 1/M sum_j 1[|s_j - x_i| <= r_i for some i]
        recall    = 1/N sum_i 1[|x_i - s_j| <= q_j for some j]
        density   = 1/(k M) sum_j sum_i 1[|s_j - x_i| <= r_i]
        coverage  = 1/N sum_i 1[|s_j - x_i| <= r_i for some j]

    Two samples of one law have E density = 1 and E coverage = 1 - prod over m = 1..k of (N - m) / (M + N - m), which is
    about 1 - 2^-k for M = N: coverage of 1 is no goal with few samples. Precision and recall of one law have no such
    value, it depends on the law and on D. Outliers among the samples have huge balls, so a few of them raise
    recall; outliers among the real rows raise precision. Density and coverage use real balls only and are robust to the
    first. None of the four sees memory: samples that repeat real rows have all four at 1 or above, so hold them
    against rows that were not trained on. Take features rather than pixels where alike and near are not the same.

    Shapes: `samples` `(M, D)`, `real` `(N, D)`, both with more than k rows; computed in float64. Differs from the
    authors' code of density and coverage in that the rim of a ball belongs to it, as in precision. Raises `ValueError`
    for shapes that do not fit. Source: Kynkaanniemi et al. (2019), section 2; Naeem et al. (2020), section 3.
    Taught in chapter 12_latent_autoencoder.

    >>> real = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    >>> precision_and_coverage(real[:2] + 0.5, real, k=1)  # half of it, between its rows and beside them
    PrecisionAndCoverage(precision=1.0, recall=0.5, density=1.5, coverage=0.5)
    """
    check_whole(k, name="k", least=1)
    check_pair(samples, real, names=("samples", "real"), least=k + 1)
    with torch.no_grad():
        samples, real = samples.double(), real.double()
        radii, own = (nearest(rows, rows, k=k, leave_out_itself=True)[0][:, -1] * _RIM for rows in (real, samples))
        precise, recalled, covered, balls = [], [], torch.zeros(len(real), dtype=torch.bool, device=real.device), 0
        middle, size = real.mean(0), max(1, CHUNK // (2 * len(samples)))
        for begin in range(0, len(real), size):
            part = slice(begin, begin + size)
            apart = torch.cdist(real[part] - middle, samples - middle)
            inside = apart <= radii[part, None]  # (n, M)
            precise.append(inside.any(0))
            recalled.append((apart <= own).any(1))
            covered[part] = inside.any(1)
            balls += int(inside.sum())
    return PrecisionAndCoverage(
        precision=_share(torch.stack(precise).any(0)),
        recall=_share(torch.cat(recalled)),
        density=balls / (k * len(samples)),
        coverage=_share(covered),
    )


def _share(hits: torch.Tensor) -> float:
    return float(hits.double().mean())
