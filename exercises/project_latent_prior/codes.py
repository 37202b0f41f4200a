"""Steps 2 and 3: codes in the cube, and what random points decode to."""

import torch

from autoencoder import AutoEncoder
from data import Digits


def scatter(codes: torch.Tensor, name: str) -> None:
    """Write a picture of 300 codes in at least four coordinate planes.

    codes: `(300, d)`. name: that of the picture, for `pictures.save`. A plane
    is a pair of coordinates (u_i, u_j); axes show the whole of [0, 1].
    """
    raise NotImplementedError("scatter")


def measures(model: AutoEncoder, data: Digits) -> dict[str, float]:
    """What a model is worth, in numbers. The report's table shows them all.

    "reconstruction": the mean square of D(E(x)) - x on test digits.
    "holes": the share of D(u), u uniform in the cube, that are no digits, by
        a rule of yours with a threshold that is stated.
    And at least two of your own, which see what "holes" does not.
    `deeprestore_lab.measures.sample_quality` and chapter 12 have some.
    """
    raise NotImplementedError("measures")
