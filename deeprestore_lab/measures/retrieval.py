"""Which pictures does a representation call alike? Nearest neighbours, and a linear classifier in closed form.

Taught in chapter 06_architectures.
"""

from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import adaptive_avg_pool2d, normalize, one_hot

from deeprestore_lab.core.checks import check_images, check_positive, check_whole, describe
from deeprestore_lab.images.named_photographs import photograph


def labelled_crops(
    names: Sequence[str], *, side: int, count: int, part: tuple[float, float] = (0.0, 1.0), seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """`count` random grey crops of each photograph, `(N, 1, side, side)` in [0, 1], and the photographs' places `(N,)`.

    The crops lie within `part` of the width, from the left: crops of parts that do not meet share no pixel.
    Photographs wider or higher than 700 pixels are halved first, by means of 2 x 2, until they are not. Raises
    `ValueError` for a part that is none, and where one is narrower than a crop.

    >>> crops, labels = labelled_crops(["grass", "brick"], side=32, count=3, part=(0.0, 0.5))
    >>> crops.shape, labels.tolist()
    (torch.Size([6, 1, 32, 32]), [0, 0, 0, 1, 1, 1])
    """
    check_whole(side, name="side", least=1), check_whole(count, name="count", least=1)
    if not 0 <= part[0] < part[1] <= 1:
        raise ValueError(f"part must be two shares of the width, 0 <= left < right <= 1, got {part}")
    draw, crops = torch.Generator().manual_seed(seed), []
    for name in names:
        x = photograph(name, grey=True)
        while max(x.shape[2:]) > 700:
            x = torch.nn.functional.avg_pool2d(x, 2)
        low, high = (int(share * x.shape[3]) for share in part)
        if min(high - low, x.shape[2]) < side:
            raise ValueError(f"the part {part} of {name!r} is {x.shape[2]} x {high - low}, a crop {side} x {side}")
        for _ in range(count):
            top = int(torch.randint(x.shape[2] - side + 1, (), generator=draw))
            left = low + int(torch.randint(high - low - side + 1, (), generator=draw))
            crops.append(x[..., top : top + side, left : left + side])
    return torch.cat(crops), torch.arange(len(names)).repeat_interleave(count)


def descriptor(maps: torch.Tensor, *, grid: int = 1) -> torch.Tensor:
    """Feature maps `(N, C, h, w)` as one row of numbers each, `(N, C grid grid)`: means over a grid of windows.

    With `grid` 1 the mean over all positions: which features there are, and not where.

    Raises `ValueError` for what is no batch of maps, and a grid below 1.
    """
    return adaptive_avg_pool2d(check_images(maps, name="maps"), check_whole(grid, name="grid", least=1)).flatten(1)


def most_similar(
    queries: torch.Tensor, gallery: torch.Tensor, *, count: int = 1, leave_out_itself: bool = False
) -> torch.Tensor:
    r"""The `count` rows of `gallery` most similar to each row of `queries`, `(Q, count)`, the most similar first.

        similarity(q, g) = <q - m, g - m> / (|q - m| |g - m|),    m the mean of the gallery

    `queries` is `(Q, D)`, `gallery` `(G, D)`. With `leave_out_itself` queries and gallery are the same rows, and no row
    finds itself. Features behind a ReLU are never negative; without m all of them would look alike. Raises `ValueError`
    for rows of other lengths and for more neighbours than there are.
    """
    for rows in (gallery, queries):
        if not isinstance(rows, torch.Tensor) or rows.ndim != 2 or rows.shape[1] != gallery.shape[1]:
            raise ValueError(
                f"queries and gallery must be (Q, D) and (G, D), got {describe(queries)} and {describe(gallery)}"
            )
    if leave_out_itself and queries.shape != gallery.shape:
        raise ValueError(
            f"to leave itself out, queries must be the gallery, got {len(queries)} and {len(gallery)} rows"
        )
    if not 1 <= check_whole(count, name="count", least=1) <= len(gallery) - leave_out_itself:
        raise ValueError(f"the gallery has {len(gallery)} rows, {count} neighbours were asked for")
    mean = gallery.mean(0)
    similarity = normalize(queries - mean, dim=1) @ normalize(gallery - mean, dim=1).T
    if leave_out_itself:
        similarity.fill_diagonal_(-2.0)
    return similarity.topk(count, dim=1).indices


def hit_rate(found: torch.Tensor, own: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of neighbours `found` `(Q, count)` whose `labels` `(G,)` are the query's `own` `(Q,)`.

    Raises `ValueError` for other shapes.

    >>> hit_rate(torch.tensor([[0, 1], [1, 2]]), torch.tensor([7, 8]), torch.tensor([7, 8, 9]))
    0.5
    """
    if found.ndim != 2 or own.shape != found.shape[:1] or labels.ndim != 1:
        raise ValueError(
            "found (Q, count) needs own (Q,) and labels (G,), got "
            f"{describe(found)}, {describe(own)} and {describe(labels)}"
        )
    return float((labels[found] == own[:, None]).double().mean())


def linear_classifier(
    features: torch.Tensor, labels: torch.Tensor, *, weight: float = 1.0
) -> Callable[[torch.Tensor], torch.Tensor]:
    r"""Ridge regression from features `(N, D)` to classes, in closed form; returns a function from features to labels.

        min_W |Z W - T|^2 / N + weight |W|^2

    Z are the features with mean 0 and deviation 1 by column (those of these N rows), T has 1 in the column of the
    label and 0 elsewhere, less its mean. A row goes to the class with the largest value. Differs from logistic
    regression in its loss only; nothing has to be searched for. Raises `ValueError` for labels that do not fit.
    """
    check_positive(weight, name="weight", single=True)
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(f"features (N, D) need labels (N,), got {describe(features)} and {describe(labels)}")
    mean, deviation = features.mean(0), features.std(0, unbiased=False).clamp_min(1e-12)
    z = ((features - mean) / deviation).double()
    t = one_hot(labels).double()
    gram = z.T @ z / len(z) + weight * torch.eye(z.shape[1]).to(z)
    w, bias = torch.linalg.solve(gram, z.T @ (t - t.mean(0)) / len(z)), t.mean(0)

    def classify(x: torch.Tensor) -> torch.Tensor:
        return (((x - mean) / deviation).double() @ w + bias).argmax(1)

    return classify
