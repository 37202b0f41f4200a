"""A response as two non-negative maps, as networks hold it, and back."""

import torch

from deeprestore_lab.core.checks import check_choice, describe

RULES = ("difference", "larger")


def relu_pair(responses: torch.Tensor, *, bias: float | torch.Tensor = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """(max(r - bias, 0), max(-r - bias, 0)): what two opposite filters with one bias give after a ReLU.

    Any shape; `bias` is a number or a tensor that broadcasts. Their difference is r for a bias of 0, and r
    soft-thresholded for a bias above 0. Taught in chapter 03_reconstruction.

    >>> [part.tolist() for part in relu_pair(torch.tensor([2.0, -0.5]), bias=1.0)]
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return (responses - bias).clamp_min(0), (-responses - bias).clamp_min(0)


def from_relu_pair(positive: torch.Tensor, negative: torch.Tensor, *, rule: str = "difference") -> torch.Tensor:
    r"""The response of a pair of non-negative maps.

    "difference": positive - negative. Exact without noise and linear; noise that came after the ReLU adds up, to
    2 sigma^2. "larger": the larger of the two with its sign, 0 where neither is above 0. This is the most probable
    response when both maps carry the same Gaussian noise, since one of them is known to be 0; away from 0 its
    variance is sigma^2. Raises `ValueError` for shapes that differ or another rule. Taught in chapter
    03_reconstruction.

    >>> from_relu_pair(torch.tensor([2.1, 0.1]), torch.tensor([-0.2, 0.6]), rule="larger").tolist()
    [2.0999999046325684, -0.6000000238418579]
    """
    if positive.shape != negative.shape:
        raise ValueError(f"the two maps must have one shape, got {describe(positive)} and {describe(negative)}")
    if check_choice(rule, RULES, name="rule") == "difference":
        return positive - negative
    return torch.where(positive >= negative, positive.clamp_min(0), -negative.clamp_min(0))
