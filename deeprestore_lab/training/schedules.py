"""Step sizes that change during a run: functions of the step, for `fit` and for Adam in `minimise`."""

import math
from collections.abc import Callable

from deeprestore_lab.core.checks import check_positive, check_whole


def cosine(lr: float, steps: int, *, warmup: int = 0, end: float = 0.0) -> Callable[[int], float]:
    r"""lr (end + (1 - end) (1 + cos(pi t)) / 2), t from 0 to 1 over `steps` after a linear rise of `warmup` steps.

    `end` is the share of `lr` that is left at the end. Raises `ValueError` for settings that do not fit. Source:
    Loshchilov & Hutter (2017), "SGDR", equation 5, without restarts. Taught in chapter 05_learning_filters.

    >>> rate = cosine(0.1, 100, warmup=10)
    >>> [round(rate(step), 4) for step in (0, 9, 10, 55, 100)]
    [0.01, 0.1, 0.1, 0.05, 0.0]
    """
    check_positive(lr, name="lr", single=True)
    check_whole(steps, name="steps", least=1)
    if not 0 <= check_whole(warmup, name="warmup", least=0) < steps:
        raise ValueError(f"warmup must be fewer than the {steps} steps, got {warmup}")
    if not 0 <= end <= 1:
        raise ValueError(f"end must be a share between 0 and 1, got {end!r}")

    def rate(step: int) -> float:
        if step < warmup:
            return lr * (step + 1) / warmup
        done = min((step - warmup) / (steps - warmup), 1.0)
        return lr * (end + (1 - end) * (1 + math.cos(math.pi * done)) / 2)

    return rate


def inverse_time(lr: float, *, half: float) -> Callable[[int], float]:
    r"""lr / (1 + step / half): half of `lr` is left after `half` steps, and the steps add up to infinity.

    With small batches such steps lead to the minimum itself: their sum is infinite, so that every distance is covered,
    and the sum of their squares is not, so that the noise dies out. Raises `ValueError` for settings that are not
    positive. Source: Robbins & Monro (1951), "A stochastic approximation method". Taught in chapter
    05_learning_filters.

    >>> [round(inverse_time(0.3, half=10)(step), 3) for step in (0, 10, 20)]
    [0.3, 0.15, 0.1]
    """
    check_positive(lr, name="lr", single=True)
    check_positive(half, name="half", single=True)
    return lambda step: lr / (1 + step / half)


def stairs(lr: float, steps: int, *, count: int = 3, factor: float = 0.1) -> Callable[[int], float]:
    """`lr`, multiplied by `factor` after each of `count` equal parts of the `steps` but the last.

    Raises `ValueError` for settings that do not fit. Taught in chapter 05_learning_filters.

    >>> [round(stairs(0.1, 90)(step), 4) for step in (0, 29, 30, 60, 89)]
    [0.1, 0.1, 0.01, 0.001, 0.001]
    """
    check_positive(lr, name="lr", single=True)
    check_whole(steps, name="steps", least=check_whole(count, name="count", least=1))
    if not 0 < factor < 1:
        raise ValueError(f"factor must be a share between 0 and 1, got {factor!r}")
    return lambda step: lr * factor ** min(step * count // steps, count - 1)
