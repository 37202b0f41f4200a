"""The embedded tier's digits: a subset of MNIST that ships with the package, each pixel as it is in MNIST."""

import io
from functools import cache

import numpy as np
import torch
from PIL import Image

from deeprestore_lab.core.artifacts import ArtifactError, load_picture, load_record
from deeprestore_lab.core.checks import check_choice
from deeprestore_lab.data.files import DataError

COLUMNS, SIDE = 100, 28  # digits in a row of the page, and pixels of a digit


def embedded_mnist(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images `(N, 1, 28, 28)`, uint8, and labels `(N,)`, int64: N is 6,000 of "train" and 2,000 of "test".

    They stand in rounds of 0 to 9, so any first 10 k of them hold each kind k times; in the file that they come from
    they are spread evenly (the script `scripts/records/mnist.py` has the rule). The training digits are among the
    50,000 that the shipped models of digits learned from; the test digits are not. By Y. LeCun, C. Cortes and C.
    Burges, CC BY-SA 3.0 as commonly stated: `artifacts.card("mnist")`. Raises `DataError` where a file is missing or
    damaged.

    >>> images, labels = embedded_mnist("test")
    >>> images.shape, labels[:12].tolist()
    (torch.Size([2000, 1, 28, 28]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    images, labels = _page(check_choice(split, ("train", "test"), name="split"))
    return images.clone(), labels.clone()


@cache
def _page(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    try:
        labels = torch.tensor([int(kind) for kind in load_record("mnist")["labels"][split]])
        pixels = np.asarray(Image.open(io.BytesIO(load_picture("mnist", f"{split}.png"))))
    except ArtifactError as error:
        raise DataError(f"the digits that ship with the package cannot be read: {error}") from error
    rows = torch.from_numpy(pixels.copy()).unflatten(1, (COLUMNS, SIDE)).unflatten(0, (-1, SIDE))  # (R, 28, 100, 28)
    return rows.transpose(1, 2).reshape(-1, 1, SIDE, SIDE).contiguous(), labels
