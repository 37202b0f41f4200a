r"""Losses for training: squared, absolute and their mixture, the indicator; and what each of them is smallest at.

A loss compares a prediction with the truth and gives one value per image, a mean over channels and pixels. Training
minimises its mean over images. Where one input has several possible truths, the prediction that makes the expected
loss smallest is known pixel by pixel: the minimisers of this module.
"""

import math

import torch

from deeprestore_lab.core.checks import check_images, check_weight, describe

_ROUNDING = 1e-6  # cumulative probabilities are compared up to this: ten times 0.1 is not quite 1


def mixture(prediction: torch.Tensor, target: torch.Tensor, *, share: float) -> torch.Tensor:
    r"""Squared and absolute residuals mixed, one value per image `(N,)`: mean of (1 - share) r^2 + share |r|.

    r = prediction - target, `(N, C, H, W)` both; the mean is over C, H and W. `share` lies in [0, 1]: 0 is the squared
    error (L2), 1 the absolute one (L1). Its gradient with respect to a value is (2 (1 - share) r + share sign r) / CHW,
    with sign 0 = 0. Raises `ValueError` for shapes that differ and a share outside of [0, 1]. Taught in chapter
    05_learning_filters.

    >>> mixture(torch.full((1, 1, 2, 2), 0.5), torch.zeros(1, 1, 2, 2), share=0.5)
    tensor([0.3750])
    """
    share, residual = _share(share), _residual(prediction, target)
    return ((1 - share) * residual.square() + share * residual.abs()).flatten(1).mean(1)


def indicator(prediction: torch.Tensor, target: torch.Tensor, *, tolerance: float) -> torch.Tensor:
    r"""The share of values that are off by more than `tolerance`, one per image `(N,)`: mean of 1[|r| > tolerance].

    Its gradient is 0 at every prediction where it has one, and 0 is what autograd returns: nothing can be learned from
    it by walking downhill. Shapes and errors as in `mixture`; `tolerance` is a number of at least 0, in the units of
    the image. Taught in chapter 05_learning_filters.

    >>> indicator(torch.tensor([[[[0.0, 0.2, 0.9, 1.0]]]]), torch.ones(1, 1, 1, 4), tolerance=0.125)
    tensor([0.5000])
    """
    tolerance = check_weight(tolerance, name="tolerance", single=True)
    return (_residual(prediction, target).abs() - tolerance).clamp_min(0).sign().flatten(1).mean(1)


def mixture_minimiser(
    possible: torch.Tensor, *, share: float, probabilities: torch.Tensor | None = None
) -> torch.Tensor:
    r"""The prediction whose expected `mixture` is smallest when the truth is one of the `possible` pictures.

        argmin_x  sum_k p_k [(1 - share) (x - t_k)^2 + share |x - t_k|]      for each value by itself

    Shapes: `possible` `(K, ...)`, the truths t_k; `probabilities` `(K,)`, at least 0, with sum 1, equal when left out;
    value `(1, ...)`. The derivative 2 (1 - share) (x - m) + share (2 F(x) - 1), with the mean m and the distribution
    function F, is increasing, and between the k-th and the next truth in order it is zero at
    x_k = m + share (1 - 2 F_k) / (2 (1 - share)). Hence x = max over k of min(t_k, x_{k-1}). Share 0 gives the mean,
    share 1 a median; where the medians are an interval, the one next to the mean, which is the limit of share -> 1. For
    two possible values 0 and 1, the 1 with probability p: 1/2 + (p - 1/2) / (1 - share), cut to [0, 1].

    The minimiser lies between the smallest and the largest possible value. Raises `ValueError` for a share outside of
    [0, 1] or probabilities that are none. Source of the idea: Li & Osher (2009), "A new median formula with
    applications to PDE based denoising", for equal probabilities. Taught in chapter 05_learning_filters.

    >>> mixture_minimiser(torch.tensor([0.0, 0.0, 0.0, 1.0]), share=0.25)
    tensor([0.1667])
    """
    share = _share(share)
    values, mass, below = _in_order(possible, probabilities)
    mean = (mass * values).sum(0, keepdim=True)
    if share == 1:
        lower = torch.where(below + mass >= 0.5 - _ROUNDING, values, math.inf).amin(0, keepdim=True)
        upper = torch.where(below <= 0.5 + _ROUNDING, values, -math.inf).amax(0, keepdim=True)
        return torch.minimum(torch.maximum(mean, lower), upper)
    stationary = mean + share * (1 - 2 * below) / (2 * (1 - share))
    best = torch.minimum(values, stationary).amax(0, keepdim=True)
    return torch.maximum(best, values[:1])  # rounding alone could put it below


def indicator_minimiser(
    possible: torch.Tensor, *, tolerance: float, probabilities: torch.Tensor | None = None
) -> torch.Tensor:
    r"""The prediction whose expected `indicator` loss is smallest: the mode of the possible values, pixel by pixel.

    The window [x - tolerance, x + tolerance] that holds most probability; among its positions, which all cost the same,
    the middle of those that hold the same truths; of several best windows the lowest. With a tolerance of 0 it is the
    most probable value. Shapes and errors as in `mixture_minimiser`. Taught in chapter 05_learning_filters.

    >>> indicator_minimiser(torch.tensor([0.1, 0.2, 0.6, 0.9]), tolerance=0.1)
    tensor([0.1500])
    """
    tolerance = check_weight(tolerance, name="tolerance", single=True)
    values, mass, below = _in_order(possible, probabilities)
    best_mass = torch.full_like(values[:1], -math.inf)
    best = torch.empty_like(best_mass)
    for first in range(len(values)):  # a best window can be slid up to start at a truth
        start = values[first : first + 1]
        inside = (values >= start) & (values <= start + 2 * tolerance * (1 + _ROUNDING))
        held = (mass * inside).sum(0, keepdim=True)
        last = torch.where(inside, values, -math.inf).amax(0, keepdim=True)
        better = held > best_mass + _ROUNDING
        best, best_mass = torch.where(better, (start + last) / 2, best), torch.where(better, held, best_mass)
    return best


def outside_range(x: torch.Tensor, *, low: float = 0.0, high: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    r"""The share of values outside of [low, high], and how far the farthest is out, each one per image `(N,)`.

    Images `(N, C, H, W)`; both are 0 for an image inside. Raises `ValueError` for something that is no image batch, and
    for ends in the wrong order.
    Taught in chapter 05_learning_filters.

    >>> outside_range(torch.tensor([[[[-0.25, 0.0, 0.5, 1.0]]]]))
    (tensor([0.2500]), tensor([0.2500]))
    """
    if not low < high:
        raise ValueError(f"low must be below high, got {low} and {high}")
    excess = torch.maximum(low - check_images(x), x - high).clamp_min(0).flatten(1)
    return (excess > 0).to(x.dtype).mean(1), excess.amax(1)


def _share(share: float) -> float:
    if not 0 <= check_weight(share, name="share", single=True) <= 1:
        raise ValueError(f"share must be a number between 0 (squared) and 1 (absolute), got {describe(share)}")
    return float(share)


def _residual(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    check_images(prediction, name="prediction")
    check_images(target, name="target")
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction and target must have one shape, got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    return prediction - target


def _sums_to_one(p: torch.Tensor) -> bool:
    return abs(float(p.double().sum()) - 1) <= _ROUNDING


def _in_order(possible: torch.Tensor, probabilities: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
    """The truths in order along the first axis, the probability of each, and of all before it, shaped alike."""
    if not isinstance(possible, torch.Tensor) or possible.ndim < 1 or not possible.is_floating_point():
        raise ValueError(f"possible must be a float tensor of shape (K, ...), got {describe(possible)}")
    if not possible.numel():
        raise ValueError(f"possible must hold at least one picture, got {describe(possible)}")
    count = len(possible)
    p = possible.new_full((count,), 1 / count) if probabilities is None else probabilities
    if not (isinstance(p, torch.Tensor) and p.shape == (count,) and (p >= 0).all() and _sums_to_one(p)):
        raise ValueError(f"probabilities must be {count} numbers of at least 0 with sum 1, got {describe(p)}")
    values, order = possible.sort(dim=0)
    mass = p.to(possible)[order]
    return values, mass, mass.cumsum(0) - mass
