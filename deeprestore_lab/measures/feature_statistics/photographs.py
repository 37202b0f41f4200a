"""Confidence from different photographs: crops of one photograph are not new ones.

Taught in chapter 15_feature_statistics.
"""

import torch

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe


def bootstrap_counts(groups: torch.Tensor, *, draws: int, seed: int) -> torch.Tensor:
    r"""How often each of N samples counts in each of `draws` resamplings of the photographs, `(draws, N)`.

    G photographs are drawn with replacement from the G that there are, and each brings all of its crops: `groups`
    `(N,)` says which photograph a crop is of. With `torch.arange(N)` every crop is taken for a photograph of its own,
    which makes intervals too narrow where crops of one photograph are alike. Raises `ValueError` for what is no
    grouping. Source: Davison & Hinkley (1997), section 3.8, for groups. Taught in chapter 15_feature_statistics.

    >>> counts = bootstrap_counts(torch.tensor([0, 0, 1]), draws=50, seed=0)
    >>> bool((counts[:, 0] == counts[:, 1]).all()), counts[:, 1:].sum(1).unique()
    (True, tensor([2.]))
    """
    groups = check_groups(groups, None)
    draws, count = check_whole(draws, name="draws", least=1), int(groups.max()) + 1
    generator = torch.Generator().manual_seed(check_seed(seed))
    chosen = torch.randint(count, (draws, count), generator=generator)
    return torch.zeros(draws, count).scatter_add(1, chosen, torch.ones(draws, count))[:, groups]


def bootstrap_interval(
    values: torch.Tensor, *, estimate: float | None = None, level: float = 0.9
) -> tuple[float, float]:
    r"""An interval from bootstrapped values `(draws,)` that leaves out (1 - level) / 2 of them on each side.

    A distance is made larger by noise, and resampling adds noise to the noise that is there: its bootstrapped values
    lie above what was measured, often all of them. With `estimate`, what was measured, the two quantiles are moved by
    the difference between it and the mean of the values, so that only their width counts. The interval is then one for
    the expected value with as many photographs, not for the limit of infinitely many. Raises `ValueError` for a
    level that is not between 0 and 1, and values that are not finite. Taught in chapter 15_feature_statistics.

    >>> bootstrap_interval(torch.arange(101.0) + 7, estimate=50.0)
    (5.0, 95.0)
    """
    if check_positive(level, name="level", single=True) >= 1:
        raise ValueError(f"level must be below 1, got {level}")
    if not isinstance(values, torch.Tensor) or values.ndim != 1 or not len(values) or not torch.isfinite(values).all():
        raise ValueError(f"values must be finite, (draws,), got {describe(values)}")
    tail = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.quantile(values.double(), tail)
    shift = 0.0 if estimate is None else estimate - float(values.double().mean())
    return float(low) + shift, float(high) + shift


def check_groups(groups: torch.Tensor | None, count: int | None) -> torch.Tensor:
    """Return `groups` `(N,)` if every number from 0 to the largest is used, else raise `ValueError`; None: N groups."""
    if groups is None:
        return torch.arange(count)
    whole = isinstance(groups, torch.Tensor) and groups.ndim == 1 and not groups.is_floating_point() and len(groups)
    if not whole or (count is not None and len(groups) != count) or (groups < 0).any():
        wanted = f"({count},)" if count is not None else "(N,)"
        raise ValueError(f"groups must be {wanted}, the number of a photograph for each map, got {describe(groups)}")
    if len(groups.unique()) != int(groups.max()) + 1:
        raise ValueError("groups must use every number from 0 to the largest")
    return groups.long()
