"""What is asked of pictures that were made for a unit: another network's answer, variety, and where real ones stand.

An activation alone does not judge a picture: whoever maximises it has it. Taught in chapter 20_visualisation.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from deeprestore_lab.core.checks import check_images, check_whole, describe
from deeprestore_lab.measures.discrepancies.samples import check_sample
from deeprestore_lab.signal.arithmetic import ReceptiveField


class ClassAnswers(NamedTuple):
    """What a classifier says of one class for each picture: its log-probability in nats, and its rank, 1 the first."""

    log_probability: torch.Tensor
    rank: torch.Tensor


def class_answers(logits: torch.Tensor, classes: Sequence[int]) -> ClassAnswers:
    r"""log softmax(logits)_c and the rank of c among the classes, for the class c of each picture.

    Shapes: `logits` `(N, K)`, `classes` N whole numbers below K; both results are `(N,)`. Equal logits share the
    better rank. Ask another network than the one that the pictures were made for. Raises `ValueError` for logits that
    are no sample of rows, and for classes that do not fit. Taught in chapter 20_visualisation.

    >>> class_answers(torch.tensor([[0.0, 2.0, 1.0]]), [2]).rank.tolist()
    [2]
    """
    check_sample(logits, name="logits")
    chosen = [check_whole(c, name="a class", least=0, most=logits.shape[1] - 1) for c in classes]
    if len(chosen) != len(logits):
        raise ValueError(f"classes must name one for each picture: got {len(chosen)} for {describe(logits)}")
    rows = torch.arange(len(logits))
    own = logits[rows, chosen]
    return ClassAnswers(logits.log_softmax(1)[rows, chosen], (logits > own[:, None]).sum(1) + 1)


def relative_diversity(features: torch.Tensor, reference: torch.Tensor) -> float:
    r"""How far pictures lie from each other, over how far others do: mean |f_i - f_j| / mean |r_i - r_j|, i < j.

    `features` `(N, d)` are those of pictures that were made for one thing from several seeds, `reference` `(M, d)`
    those of pictures to compare with, by the same representation, none of which was used to make them. 0 says that all
    seeds gave one picture, 1 that they differ as the others do. Noise is diverse too: it is a measure beside others.
    Raises `ValueError` for shapes that do not fit, fewer than two rows, and a reference whose rows are all the same.
    Taught in chapter 20_visualisation.

    >>> relative_diversity(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [4.0]]))
    0.25
    """
    for name, rows in (("features", features), ("reference", reference)):
        check_sample(rows, name=name)
        if len(rows) < 2 or rows.shape[1] != features.shape[1]:
            raise ValueError(f"{name} must be two rows or more of {features.shape[1]} values, got {describe(rows)}")
    usual = torch.pdist(reference.double()).mean()
    if not usual > 0:
        raise ValueError("the rows of reference are all the same, so they have no distance to compare with")
    return float(torch.pdist(features.double()).mean() / usual)


class TopPatches(NamedTuple):
    """Patches `(count, C, h, w)` of pictures, their activations `(count,)`, largest first, and the pictures' places."""

    patches: torch.Tensor
    activations: torch.Tensor
    pictures: list[int]


def top_patches(x: torch.Tensor, maps: torch.Tensor, *, channel: int, field: ReceptiveField, count: int) -> TopPatches:
    r"""The dataset examples of a channel: what its units see where they are most active, one patch a picture.

    `x` `(N, C, H, W)` are pictures, `maps` `(N, K, h, w)` their answers by a layer whose units see `field`. Of each
    picture the most active position counts, and of the pictures the `count` most active ones. A patch is the receptive
    field there, grey (0.5) where it reaches beyond the picture. Raises `ValueError` for shapes, a channel or a count
    that do not fit. Taught in chapter 20_visualisation.

    >>> from deeprestore_lab.signal.arithmetic import conv, receptive_field
    >>> x = torch.zeros(2, 1, 4, 4)
    >>> x[1, 0, 2, 1] = 1
    >>> field = receptive_field([conv(1, 1, kernel=3, padding=1)])
    >>> top_patches(x, x, channel=0, field=field, count=1).patches[0, 0].tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    check_images(x)
    if not isinstance(maps, torch.Tensor) or maps.ndim != 4 or len(maps) != len(x):
        raise ValueError(f"maps must be (N, K, h, w) with a row for each of {len(x)} pictures, got {describe(maps)}")
    channel = check_whole(channel, name="channel", least=0, most=maps.shape[1] - 1)
    count = check_whole(count, name="count", least=1, most=len(x))
    best, where = maps[:, channel].flatten(1).max(1)
    order = best.argsort(descending=True, stable=True)[:count]
    patches = []
    for picture in order.tolist():
        (top, bottom), (left, right) = field.bounds(divmod(int(where[picture]), maps.shape[-1]))
        patch = x.new_full((x.shape[1], bottom - top + 1, right - left + 1), 0.5)
        rows, columns = slice(max(top, 0), bottom + 1), slice(max(left, 0), right + 1)
        inside = x[picture, :, rows, columns]
        down, across = max(-top, 0), max(-left, 0)
        patch[:, down : down + inside.shape[1], across : across + inside.shape[2]] = inside
        patches.append(patch)
    return TopPatches(torch.stack(patches), best[order], order.tolist())
