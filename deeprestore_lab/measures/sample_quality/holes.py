"""Holes: the share of samples that lie farther from real data than real data do."""

import math

import torch

from deeprestore_lab.core.checks import check_weight
from deeprestore_lab.measures.discrepancies.neighbours import nearest
from deeprestore_lab.measures.discrepancies.samples import check_pair

_ROUNDING = 1e-9  # 0.07 times 100 is a little more than 7


def threshold_of(real: torch.Tensor, reference: torch.Tensor, *, share: float = 0.95) -> float:
    r"""The smallest of the real distances within which at least `share` of the `real` rows have a reference row.

        t = d_(ceil(share N)),    d_i = min_j |x_i - r_j|

    The real rows must not be among the reference's: a row that finds itself has the distance 0. Reconstructions of real
    rows in their place give a stricter threshold; say which was used. Shapes: `real` `(N, D)`, `reference` `(M, D)`.
    Units: those of the entries. Raises `ValueError` for shapes that do not fit and a share outside of (0, 1]. Taught in
    chapter 12_latent_autoencoder.

    >>> real = torch.tensor([[1.0], [2.0], [3.0], [50.0]])
    >>> threshold_of(real, torch.tensor([[0.0]]), share=0.75)
    3.0
    """
    check_pair(real, reference, names=("real", "reference"))
    if not 0 < check_weight(share, name="share", single=True) <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    with torch.no_grad():
        distances = nearest(real, reference)[0][:, 0].sort().values
    return float(distances[max(math.ceil(share * len(real) - _ROUNDING), 1) - 1])


def hole_rate(samples: torch.Tensor, reference: torch.Tensor, *, threshold: float) -> float:
    r"""The share of samples farther than `threshold` from every row of the reference, in [0, 1].

        1/N sum_i 1[min_j |s_i - r_j| > t]

    With the threshold of `threshold_of` real rows have at most 1 - share. It cannot see a part that is missing, nor
    repetition, and in pixels it forgives blur: the mean of two digits, or an empty image, can be nearer to a digit
    than most digits are to each other. So never report it alone; `precision_and_coverage` and `class_entropy` see
    what it does not. Shapes: `samples` `(N, D)`, `reference` `(M, D)`. Raises `ValueError` for shapes that do not fit
    and a threshold below 0. Taught in chapter 12_latent_autoencoder.

    >>> hole_rate(torch.tensor([[0.2], [0.9], [7.0]]), torch.tensor([[0.0], [1.0]]), threshold=0.5)
    0.33
    """
    check_pair(samples, reference, names=("samples", "reference"))
    check_weight(threshold, name="threshold", single=True)
    with torch.no_grad():
        return float((nearest(samples, reference)[0][:, 0] > threshold).double().mean())
