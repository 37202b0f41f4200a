"""Does a score tell two groups apart? The area under the receiver operating characteristic."""

import torch

from deeprestore_lab.core.checks import describe


def area_under_roc(inside: torch.Tensor, outside: torch.Tensor) -> float:
    r"""The probability that a score from outside exceeds one from inside, ties counted as half, in [0, 1].

        AUROC = P(s_out > s_in) + P(s_out = s_in) / 2 = (R - n (n + 1) / 2) / (n m)

    R is the sum of the ranks of the n outside scores among all n + m, equal scores sharing the mean of their ranks (the
    Mann-Whitney statistic). 1/2 for a score that says nothing, 1 for one that separates, below 1/2 for one that
    points the other way. Scores are larger outside: a reconstruction error, an energy. Shapes: `inside` `(m,)`,
    `outside` `(n,)`. Raises `ValueError` for other shapes and for scores that are NaN. Source: Fawcett (2006). Taught
    in chapter 12_latent_autoencoder.

    >>> area_under_roc(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.3, 0.9]))  # 5 pairs of 6, and a tie
    0.9167
    """
    for scores, name in ((inside, "inside"), (outside, "outside")):
        if not isinstance(scores, torch.Tensor) or scores.ndim != 1 or len(scores) == 0:
            raise ValueError(f"{name} must be a tensor of scores (N,), at least one, got {describe(scores)}")
        if scores.isnan().any():
            raise ValueError(f"{name} holds scores that are NaN: they have no rank")
    values = torch.cat([outside.detach().double(), inside.detach().double()])
    _, group, counts = values.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0).double() - (counts - 1) / 2)[group]  # the mean rank of equal scores
    n, m = len(outside), len(inside)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))
