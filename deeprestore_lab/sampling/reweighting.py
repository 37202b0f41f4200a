"""Draws of one law as draws of another: weights, and what they cost."""

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_seed, check_weight, check_whole, describe


def tempered(log_ratios: Sequence[torch.Tensor], *, weight: float) -> torch.Tensor:
    r"""Weights `(N,)` with sum 1, proportional to prod_l r_l^weight, of log ratios `(N,)`, one tensor for each layer.

    Raises `ValueError` for ratios of other shapes, or not finite. Taught in chapter 21_sampling.

    >>> tempered([torch.tensor([0.0, 2.0]).log1p()], weight=1.0)
    tensor([0.2500, 0.7500], dtype=torch.float64)
    """
    weight = check_weight(weight, single=True)
    if not isinstance(log_ratios, Sequence) or not log_ratios:  # a tensor is none
        raise ValueError(f"log_ratios must hold one or more tensors of one length, got {describe(log_ratios)}")
    for ratio in log_ratios:
        if (
            not isinstance(ratio, torch.Tensor)
            or ratio.ndim != 1
            or not len(ratio)
            or not bool(torch.isfinite(ratio).all())
        ):
            raise ValueError(f"a log ratio must be one finite number for each draw, got {describe(ratio)}")
    if len({len(ratio) for ratio in log_ratios}) != 1:
        raise ValueError("log_ratios must hold one or more tensors of one length")
    return (weight * sum(ratio.double() for ratio in log_ratios)).softmax(0)


def effective_sample_size(weights: torch.Tensor) -> float:
    r"""(sum w)^2 / sum w^2: so many draws of equal weight would know as much. From 1 to N.

    Raises `ValueError` for weights that are none. Source: Kong, Liu & Wong (1994). Taught in chapter 21_sampling.

    >>> effective_sample_size(torch.tensor([1.0, 1.0, 0.0]))
    2.0
    """
    fits = isinstance(weights, torch.Tensor) and weights.ndim == 1 and bool(torch.isfinite(weights).all())
    if not fits or not bool((weights >= 0).all()) or not float(weights.sum()) > 0:
        raise ValueError(f"weights must be finite numbers (N,) of at least 0, not all 0, got {describe(weights)}")
    weights = weights.double()
    return float(weights.sum() ** 2 / weights.square().sum())


def resampled(weights: torch.Tensor, n: int, *, seed: int) -> torch.Tensor:
    """Places `(n,)` of draws chosen by their weights, by systematic resampling: each comes n w_i times, up to one.

    Raises `ValueError` for a count below 1, and weights that are none. Source: Kitagawa (1996). Taught in chapter
    21_sampling.
    """
    n, generator = check_whole(n, name="n", least=1), torch.Generator().manual_seed(check_seed(seed))
    effective_sample_size(weights)  # looks at them
    marks = (torch.arange(n) + torch.rand(1, generator=generator)).double() / n
    sums = weights.double().cumsum(0)
    return torch.searchsorted(sums / sums[-1], marks).clamp_max(len(weights) - 1)
