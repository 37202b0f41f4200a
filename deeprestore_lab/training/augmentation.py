"""Few pictures made more: batches of pairs, turned over and cut out anew at each step, noise and picture alike."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole, describe
from deeprestore_lab.training.run import step_generator

Pair = tuple[torch.Tensor, torch.Tensor]


def turned(x: torch.Tensor, pose: int) -> torch.Tensor:
    """The picture in one of its 8 poses: 1 turns it over left to right, 2 upside down, 4 along the diagonal; or sums.

    Images `(N, C, H, W)`; with 4 or more height and width change places. Raises `ValueError` for another pose.

    >>> turned(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 3)[0, 0]
    tensor([[4., 3.],
            [2., 1.]])
    """
    check_images(x)
    if check_whole(pose, name="pose", least=0) > 7:
        raise ValueError(f"pose must be from 0 to 7, got {describe(pose)}")
    x = x.transpose(2, 3) if pose & 4 else x
    return x.flip([axis for axis, bit in ((3, 1), (2, 2)) if pose & bit])


def pair_batches(
    inputs: torch.Tensor, targets: torch.Tensor, *, size: int, count: int, flips: bool, crops: bool, seed: int
) -> Callable[[int], Pair]:
    """A function of the step that draws `count` pairs `(count, C, size, size)`, for `fit`.

    A pair is chosen with equal chance, with replacement; input and target keep the same pose and window. With `crops`
    the window may be anywhere, without it is the middle one (the upper left of the middle ones); with `flips` the pose
    is one of the 8 of `turned`. The same step and seed give the same batch, and the same pairs for all four choices of
    `flips` and `crops`. Raises `ValueError` for shapes that do not fit. Taught in chapter 05_learning_filters.

    >>> x = torch.zeros(4, 1, 10, 12)
    >>> draw = pair_batches(x, x, size=8, count=6, flips=True, crops=True, seed=0)
    >>> [each.shape for each in draw(0)]
    [torch.Size([6, 1, 8, 8]), torch.Size([6, 1, 8, 8])]
    """
    check_images(inputs, name="inputs")
    if not isinstance(targets, torch.Tensor) or targets.shape != inputs.shape:
        raise ValueError(f"targets must have the shape of inputs {tuple(inputs.shape)}, got {describe(targets)}")
    room = [side - check_whole(size, name="size", least=1) for side in inputs.shape[2:]]
    if min(room) < 0:
        raise ValueError(f"size must be at most the shorter side of {tuple(inputs.shape[2:])}, got {size}")
    check_whole(count, name="count", least=1)
    seed = check_seed(seed)

    def draw(step: int) -> Pair:
        generator = step_generator(seed, check_whole(step, name="step", least=0))
        chosen = torch.randint(len(inputs), (count,), generator=generator).tolist()
        tops, lefts = (torch.randint(most + 1, (count,), generator=generator).tolist() for most in room)
        poses = torch.randint(8, (count,), generator=generator).tolist()
        pairs = []
        for k, top, left, pose in zip(chosen, tops, lefts, poses, strict=True):
            top, left = (top, left) if crops else (room[0] // 2, room[1] // 2)
            window = (slice(k, k + 1), slice(None), slice(top, top + size), slice(left, left + size))
            pairs.append([turned(each[window], pose if flips else 0) for each in (inputs, targets)])
        drawn_inputs, drawn_targets = zip(*pairs, strict=True)
        return torch.cat(drawn_inputs), torch.cat(drawn_targets)

    return draw
