"""How well sources were told apart: a distance between unmixings that forgives order, sign and scale.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import describe


def amari_distance(unmixing: torch.Tensor, mixing: torch.Tensor) -> float:
    r"""How far P = W A is from a scaled permutation: 0 where it is one, at most 1.

        1/(2n(n-1)) [ sum_i (sum_j |p_ij| / max_j |p_ij| - 1) + sum_j (sum_i |p_ij| / max_i |p_ij| - 1) ]

    `unmixing` W and `mixing` A are `(n, n)`, n > 1; x = A s are the samples, W x the sources found. Rows of W may have
    any length. Raises `ValueError` for other shapes and a product with a row or column of zeros. Source: Amari,
    Cichocki & Yang (1996), equation 17; here divided so that 1 is the largest. Taught in chapter 14_learned_filters.

    >>> amari_distance(torch.tensor([[0.0, 3.0], [-1.0, 0.0]]), torch.eye(2))
    0.0
    """
    shapes = [getattr(m, "shape", None) for m in (unmixing, mixing)]
    if shapes[0] != shapes[1] or len(shapes[0] or ()) != 2 or shapes[0][0] != shapes[0][1] or shapes[0][0] < 2:
        raise ValueError(f"unmixing and mixing must be (n, n), got {describe(unmixing)} and {describe(mixing)}")
    p = (unmixing.double() @ mixing.double()).abs()
    count = len(p)
    if not (p.amax(0) > 0).all() or not (p.amax(1) > 0).all():
        raise ValueError("unmixing times mixing has a row or a column of zeros: a source or a filter is lost")
    extra = (p / p.amax(1, keepdim=True)).sum() + (p / p.amax(0, keepdim=True)).sum() - 2 * count
    return float(extra / (2 * count * (count - 1)))


def matched_cosines(rows: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """For each true row `(K, D)` the |cosine| with the row that an exact assignment gives it, `(K,)`.

    Each row of `rows` `(L, D)`, L >= K, is given away once, so that one good row cannot count twice. Order, sign and
    scale are forgiven. Raises `ValueError` for shapes that do not fit.

    >>> matched_cosines(torch.tensor([[0.0, -2.0], [1.0, 0.0]]), torch.eye(2))
    tensor([1., 1.])
    """
    fits = all(isinstance(m, torch.Tensor) and m.ndim == 2 for m in (rows, truth))
    if not fits or rows.shape[1] != truth.shape[1] or len(rows) < len(truth):
        raise ValueError(
            f"rows (L, D) and truth (K, D), L >= K, are needed, got {describe(rows)} and {describe(truth)}"
        )
    from scipy.optimize import linear_sum_assignment

    cosines = torch.nn.functional.normalize(truth, dim=1) @ torch.nn.functional.normalize(rows, dim=1).mT
    first, second = linear_sum_assignment(cosines.abs().cpu().numpy(), maximize=True)
    return cosines.abs()[torch.from_numpy(first), torch.from_numpy(second)]
