"""Do intervals hold what they promise? The share of true values inside the interval that draws give."""

import torch

from deeprestore_lab.core.checks import check_whole, describe


def interval(draws: torch.Tensor, *, share: float = 0.9) -> tuple[torch.Tensor, torch.Tensor]:
    r"""The ends of the central interval that holds `share` of a posterior, from K draws of it `(K, ...)`.

    They are the j-th smallest and the j-th largest draw with j = (K + 1) (1 - share) / 2: a value of the same law as
    the draws then lies between them with probability `share`, whatever the law. j must be a whole number: 19, 39 or 99
    draws for 0.9. Raises `ValueError` for other counts. Taught in chapter 21_sampling.

    >>> low, high = interval(torch.arange(19.0)[:, None])
    >>> low.item(), high.item()
    (0.0, 18.0)
    """
    if not isinstance(draws, torch.Tensor) or draws.ndim < 2 or not 0 < share < 1:
        raise ValueError(f"draws must be (K, ...) and share in (0, 1), got {describe(draws)}, {share!r}")
    place = (len(draws) + 1) * (1 - share) / 2
    j = check_whole(round(place), name="the place of the interval's end", least=0)
    if j < 1 or abs(place - j) > 1e-6:
        raise ValueError(f"{len(draws)} draws give no interval of {share:g}: (K + 1) (1 - share) / 2 is {place:.3g}")
    ordered = draws.sort(0).values
    return ordered[j - 1], ordered[-j]


def coverage(draws: torch.Tensor, truth: torch.Tensor, *, share: float = 0.9) -> torch.Tensor:
    r"""1 where `truth` `(...)` lies in the interval of the draws `(K, ...)`, else 0; its mean should be `share`.

    It is where the truth is drawn from the prior and the draws from its posterior, value by value and whatever the
    measurement; more says that the intervals are too wide, less that they are too narrow. Raises `ValueError` for
    shapes that do not fit. Taught in chapter 21_sampling.
    """
    low, high = interval(draws, share=share)
    if truth.shape != low.shape:
        raise ValueError(f"truth must have the shape {tuple(low.shape)}, got {describe(truth)}")
    return ((truth >= low) & (truth <= high)).double()
