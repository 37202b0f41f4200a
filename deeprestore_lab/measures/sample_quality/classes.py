"""Do samples come from all classes alike? The entropy of their mean class distribution."""

import math

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.measures.discrepancies.samples import check_sample


def class_entropy(probabilities: torch.Tensor) -> float:
    r"""The entropy of the mean of the rows over the logarithm of the number of classes, in [0, 1].

        H = -sum_c p_c log p_c / log C,    p = 1/N sum_i p(. | s_i)

    1 where all C classes are equally frequent on average, 0 where all samples are of one class for sure. A classifier
    that is unsure of every single sample gives 1 too, so a decoder of grey mush is not told from one that makes all
    digits: take one-hot rows of the most probable class, and look at the other measures. Shapes: `probabilities`
    `(N, C)`, at least two classes, rows at least 0 with sum 1. Raises `ValueError` otherwise. Taught in chapter
    12_latent_autoencoder.

    >>> class_entropy(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]))  # log 2 / log 4
    0.5
    """
    check_sample(probabilities, name="probabilities")
    rows = probabilities.detach().double()
    if rows.shape[1] < 2:
        raise ValueError(f"probabilities must have at least two classes, got {describe(probabilities)}")
    if not (torch.isfinite(rows).all() and (rows >= 0).all() and (rows.sum(1) - 1).abs().max() < 1e-3):
        raise ValueError("each row of probabilities must be at least 0 with sum 1; take the softmax of logits")
    mean = rows.mean(0) / rows.mean(0).sum()
    return float(-torch.xlogy(mean, mean).sum() / math.log(len(mean))) + 0.0  # 0 without a sign
