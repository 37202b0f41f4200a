"""Discrepancies from all pairs of points: maximum mean discrepancy and energy distance."""

import math
from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_positive, describe
from deeprestore_lab.measures.discrepancies.samples import check_pair


def maximum_mean_discrepancy(
    a: torch.Tensor, b: torch.Tensor, *, bandwidths: Sequence[float], biased: bool = False
) -> torch.Tensor:
    r"""The squared maximum mean discrepancy with Gaussian kernels, a scalar; differentiable.

        MMD^2 = E k(a, a') + E k(b, b') - 2 E k(a, b),    k(x, y) = mean over h of exp(-|x - y|^2 / (2 h^2))

    Unbiased (the U-statistic): the means over a and b leave out i = j, so two samples of one law give 0 on average,
    and single values below 0. `biased` (the V-statistic): i = j stays in, the value is a squared norm and never below
    0, and two samples of N from one law give 2/N (1 - E k(a, a')) on average. A bandwidth much larger than the
    sample's extent sees the means only, a much smaller one sees nothing; hence several.

    Shapes: `a` `(N, d)`, `b` `(M, d)`, N and M at least 2. Units: none; the bandwidths h are in those of the entries.
    Raises `ValueError` for shapes that do not fit and bandwidths that are not above 0. Source: Gretton et al. (2012),
    lemma 6. Taught in chapter 12_latent_autoencoder.

    >>> a, b = torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]])
    >>> round(float(maximum_mean_discrepancy(a, b, bandwidths=[1.0])), 4)  # 2 - 2 exp(-1/2)
    0.7869
    """
    check_pair(a, b, least=2)
    if not isinstance(bandwidths, Sequence) or isinstance(bandwidths, str) or not bandwidths:
        raise ValueError(f"bandwidths must be a sequence of numbers, at least one, got {describe(bandwidths)}")
    widths = [check_positive(h, name="each bandwidth", single=True) for h in bandwidths]

    def kernel(lengths: torch.Tensor) -> torch.Tensor:
        return sum(torch.exp(lengths.square() / (-2 * h * h)) for h in widths) / len(widths)

    own = sum(_mean(kernel(_distances(rows, rows)), own=not biased) for rows in (a, b))
    return own - 2 * kernel(_distances(a, b)).mean()


def energy_distance(a: torch.Tensor, b: torch.Tensor, *, biased: bool = False) -> torch.Tensor:
    r"""The energy distance of two samples, a scalar; differentiable.

        D = 2 E|a - b| - E|a - a'| - E|b - b'|

    Unbiased (the U-statistic): the means over a and b leave out i = j; two samples of one law give 0 on average, and
    single values below 0. `biased` (the V-statistic): i = j stays in, the value is never below 0, and two samples of N
    from one law give 2/N E|a - a'|. It has no bandwidth: it is an MMD with the kernel -|x - y|.

    It is a sliced distance too. A length is the mean of its projections, |x| = E_theta |<theta, x>| / c with
    c = Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)), and in one dimension D = 2 int (Fa - Fb)^2 ds. So D is the mean over
    directions of the squared differences of distribution functions, times 2 / c, where `sliced_wasserstein` has the
    squared differences of quantile functions. `projected_length` is c.

    Shapes: `a` `(N, d)`, `b` `(M, d)`, N and M at least 2. Units: those of the entries. Raises `ValueError` for shapes
    that do not fit. Source: Szekely & Rizzo (2013). Taught in chapter 12_latent_autoencoder.

    >>> float(energy_distance(torch.tensor([[0.0], [0.0]]), torch.tensor([[3.0], [3.0]])))
    6.0
    """
    check_pair(a, b, least=2)
    own = sum(_mean(_distances(rows, rows), own=not biased) for rows in (a, b))
    return 2 * _distances(a, b).mean() - own


def projected_length(latent: int) -> float:
    """E |<theta, e>| for a unit vector e and theta uniform on the sphere of `latent` dimensions.

    Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)): 1 in one dimension, 2 / pi in two, 1 / 2 in three. Links `energy_distance`
    to its projections. Taught in chapter 12_latent_autoencoder.

    >>> round(projected_length(1), 12), round(projected_length(3), 12)
    (1.0, 0.5)
    """
    return math.exp(math.lgamma(latent / 2) - math.lgamma((latent + 1) / 2)) / math.sqrt(math.pi)


def _distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """All distances `(N, M)`, from differences: products would lose the short ones. Their slope at 0 is 0."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _mean(values: torch.Tensor, *, own: bool) -> torch.Tensor:
    """The mean over all pairs of rows, with `own` over those of different rows."""
    count = len(values)
    return (values.sum() - values.diagonal().sum()) / (count * (count - 1)) if own else values.mean()
