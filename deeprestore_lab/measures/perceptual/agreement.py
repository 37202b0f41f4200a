"""How far two networks agree: on the order of distances, and on what their features hold.

The two are different things: distances can be in the same order while the features differ. Taught in chapters
06_architectures and 07_feature_losses.
"""

from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.core.checks import check_choice, check_images, check_positive, describe
from deeprestore_lab.images.distortions import DISTORTIONS, distort


def rank_agreement(a: torch.Tensor, b: torch.Tensor) -> float:
    r"""Spearman's rho of two lists of numbers `(N,)`: 1 where both put all in the same order, -1 in the opposite one.

    The correlation coefficient of the ranks; equal numbers share the mean of their ranks. NaN where one list is
    constant. Raises `ValueError` for other shapes, fewer than two numbers, and numbers that are not finite.

    >>> rank_agreement(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0, 100.0]))
    1.0
    """
    for values in (a, b):
        if not isinstance(values, torch.Tensor) or values.ndim != 1 or len(values) < 2 or len(values) != len(a):
            raise ValueError(f"two lists (N,) of one length, at least 2, got {describe(a)} and {describe(b)}")
        if not torch.isfinite(values).all():
            raise ValueError("numbers that are not finite have no rank")
    ranks = [_ranks(values.detach()) for values in (a, b)]
    ranks = [each - each.mean() for each in ranks]
    norms = float(ranks[0].norm() * ranks[1].norm())
    return float(ranks[0] @ ranks[1]) / norms if norms > 0 else float("nan")


def _ranks(values: torch.Tensor) -> torch.Tensor:
    _, group, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[group]  # the mean rank of each group of equal numbers


def distorted_pairs(
    x: torch.Tensor, *, kinds: Sequence[str] = tuple(DISTORTIONS), seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, list[tuple[str, float]]]:
    r"""Each image with every kind of distortion at each of its five levels: references, distorted images, and which.

    For `x` `(N, C, H, W)` and K kinds both batches are `(5 K N, C, H, W)`; the list has a (kind, level) for each. What
    distances are compared on: an order over all of these, across images, kinds and levels. Raises `ValueError` for
    an unknown kind.

    >>> reference, distorted, which = distorted_pairs(torch.rand(2, 3, 16, 16), kinds=["blur", "noise"])
    >>> reference.shape, which[0]
    (torch.Size([20, 3, 16, 16]), ('blur', 0.5))
    """
    check_images(x)
    if isinstance(kinds, str) or not kinds:
        raise ValueError(f"kinds must be a sequence of names, at least one, got {kinds!r}")
    steps = [
        (kind, level)
        for kind in kinds
        for level in DISTORTIONS[check_choice(kind, tuple(DISTORTIONS), name="kind")].levels
    ]
    distorted = torch.cat([distort(x, kind, level=level, seed=seed) for kind, level in steps])
    return x.repeat(len(steps), 1, 1, 1), distorted, [step for step in steps for _ in range(len(x))]


def linear_head(
    maps: torch.Tensor, target: torch.Tensor, *, weight: float = 1e-5
) -> Callable[[torch.Tensor], torch.Tensor]:
    r"""The 1 x 1 convolution that best turns one network's maps into another's: a function from maps to maps.

        min_{W, b} sum over images and positions p of ||W f_p + b - t_p||^2 + weight * v ||W||^2

    v is the variance of f over all of them, a sum over positions and a mean over channels. `maps` `(N, C, h, w)` and
    `target` `(N, D, h, w)`. Solved in closed form, in float64. Raises `ValueError` for shapes that do not fit.
    """
    check_images(maps, name="maps")
    if check_images(target, name="target").shape[2:] != maps.shape[2:] or len(target) != len(maps):
        raise ValueError(
            f"maps and target must have the same images and positions, got {describe(maps)} and {describe(target)}"
        )
    f, t = (each.detach().movedim(1, -1).flatten(0, 2).double() for each in (maps, target))
    mean, level = f.mean(0), t.mean(0)
    gram = (f - mean).T @ (f - mean)
    gram.diagonal().add_(check_positive(weight, name="weight", single=True) * gram.diag().mean())
    kernel = torch.linalg.solve(gram, (f - mean).T @ (t - level)).T
    bias = level - kernel @ mean

    def head(other: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(other, kernel.to(other)[..., None, None], bias.to(other))

    return head


def explained_variance(predicted: torch.Tensor, target: torch.Tensor) -> float:
    r"""1 - sum ||predicted - target||^2 / sum ||target - mean||^2, over images, channels and positions `(N, D, h, w)`.

    The mean is each channel's, over images and positions. 1 is a perfect prediction, 0 is as good as the mean; it can
    be below 0. Raises `ValueError` for shapes that differ.
    """
    if predicted.shape != check_images(target, name="target").shape:
        raise ValueError(f"predicted and target must have one shape, got {describe(predicted)} and {describe(target)}")
    spread = (target - target.mean((0, 2, 3), keepdim=True)).double().square().sum()
    return 1 - float((predicted - target).double().square().sum() / spread)
