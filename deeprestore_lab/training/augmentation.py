"""Few pictures made more, by the seed alone: patches of photographs, and batches of pairs turned over and cut out."""

from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole, describe
from deeprestore_lab.training.run import step_generator


class Patches:
    r"""Square patches `(count, C, size, size)` of some photographs.

    `photographs` are tensors `(1, C, H, W)` of any size; a photograph is chosen in proportion to how many positions
    it offers. With `crops` a patch may stand anywhere, without only on a grid of steps of `size`. With `flips` it is
    turned over left to right or not, with equal chance. Draws with the same seed are the same. Raises `ValueError` for
    photographs that are smaller than a patch or differ in channels. Taught in chapter 05_learning_filters.

    >>> patches = Patches([torch.zeros(1, 3, 64, 96)], size=32)
    >>> patches.draw(5, seed=0).shape, Patches([torch.zeros(1, 3, 64, 96)], size=32, crops=False).positions
    (torch.Size([5, 3, 32, 32]), 6)
    """

    def __init__(
        self, photographs: Sequence[torch.Tensor], *, size: int, flips: bool = True, crops: bool = True
    ) -> None:
        if isinstance(photographs, torch.Tensor) or not photographs:
            raise ValueError(
                f"photographs must be a sequence of image tensors (1, C, H, W), got {describe(photographs)}"
            )
        self.size, self.flips = check_whole(size, name="size", least=1), bool(flips)
        for x in photographs:
            check_images(x, name="a photograph", channels=photographs[0].shape[1])
            if x.shape[0] != 1 or min(x.shape[2:]) < size:
                raise ValueError(f"a photograph must be (1, C, H, W) of at least {size} x {size}, got {describe(x)}")
        self.photographs = list(photographs)
        self.step = 1 if crops else size
        self.grids = [tuple((n - size) // self.step + 1 for n in x.shape[2:]) for x in photographs]
        self.positions = sum(rows * columns for rows, columns in self.grids)

    def draw(self, count: int, *, seed: int) -> torch.Tensor:
        """`count` patches, each drawn by itself, with replacement."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        chosen = torch.randint(self.positions, (check_whole(count, name="count", least=1),), generator=generator)
        flipped = torch.rand(count, generator=generator) < 0.5
        drawn = [self._patch(place) for place in chosen.tolist()]
        pairs = zip(drawn, flipped.tolist(), strict=True)
        return torch.cat([patch.flip(-1) if self.flips and flip else patch for patch, flip in pairs])

    def every(self, *, limit: int = 100_000) -> torch.Tensor:
        """The patch at every position, unflipped, `(positions, C, size, size)`; refused above `limit`."""
        if self.positions > limit:
            raise ValueError(f"there are {self.positions} positions, more than the limit of {limit}; use draw")
        return torch.cat([self._patch(place) for place in range(self.positions)])

    def _patch(self, place: int) -> torch.Tensor:
        for x, (rows, columns) in zip(self.photographs, self.grids, strict=True):
            if place < rows * columns:
                top, left = (place // columns) * self.step, (place % columns) * self.step
                return x[:, :, top : top + self.size, left : left + self.size]
            place -= rows * columns
        raise IndexError(f"position {place} is outside of the photographs")


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
