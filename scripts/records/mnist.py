"""The subset of MNIST that ships with the package: 6,000 training and 2,000 test digits. Needs MNIST.

The rule: of each kind, 600 digits of the first 50,000 training digits (those that the shipped models learnt from) and
200 of the 10,000 test digits. Number k of a kind is the one at place floor(n frac(k / golden ratio)) among that kind's
n digits, in the file's order: spread over the whole file, whatever the first so many of them are. They stand in rounds
of 0 to 9, so that the first 10 k digits hold each kind k times. Pixels are those of MNIST, bit for bit: two PNG pages,
100 digits a row, which take 1.3 MB.
"""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.data.embedded import COLUMNS, SIDE
from scripts.making.digits.measures import LEARNT, LICENCE, training_digits

COUNTS = {"train": 600, "test": 200}  # of each kind
GOLDEN = (math.sqrt(5) + 1) / 2
RULE = "floor(n frac(k / golden ratio)) of each kind's n digits, of the first 50,000 of train and all of test"


def places(labels: torch.Tensor, *, count: int) -> torch.Tensor:
    """Where the chosen digits stand in the file, `(10 count,)`, in rounds of 0 to 9.

    >>> places(torch.arange(10).repeat(9), count=2).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]
    """
    chosen = []
    for kind in range(10):
        there = (labels == kind).nonzero()[:, 0]
        chosen.append(there[[int(len(there) * (k / GOLDEN % 1)) for k in range(count)]])
        if len(chosen[-1].unique()) != count:
            raise ValueError(f"{len(there)} digits of the kind {kind} are too few to choose {count} by the rule")
    return torch.stack(chosen, 1).flatten()


def page(images: torch.Tensor) -> bytes:
    """Digits `(N, 1, 28, 28)` in [0, 1] as a grey PNG, `COLUMNS` a row."""
    levels = (images * 255).round().to(torch.uint8).unflatten(0, (-1, COLUMNS))[:, :, 0]
    written = io.BytesIO()
    pixels = np.ascontiguousarray(levels.transpose(1, 2).numpy()).reshape(-1, COLUMNS * SIDE)
    Image.fromarray(pixels).save(written, "PNG", optimize=True)
    return written.getvalue()


def main() -> None:
    """Choose the digits and write the record."""
    train, test = training_digits(), data.mnist("test")
    pages, labels = {}, {}
    for split, images, kinds in (
        ("train", train.images[:LEARNT], train.labels[:LEARNT]),
        ("test", test.images, test.labels),
    ):
        chosen = places(kinds, count=COUNTS[split])
        pages[f"{split}.png"] = page(images[chosen])
        labels[split] = "".join(map(str, kinds[chosen].tolist()))
    save_record(
        "mnist",
        {"rule": RULE, "labels": labels},
        command="make records NAME=mnist",
        data="MNIST: 600 of each kind of its first 50,000 training digits, 200 of each kind of its test digits",
        licence=LICENCE,
        seeds=[],
        metric=f"{len(labels['train'])} training and {len(labels['test'])} test digits, pixels bit for bit, in "
        f"{sum(map(len, pages.values())) / 1e6:.2f} MB",
        pictures=pages,
    )
