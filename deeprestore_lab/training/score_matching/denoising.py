"""Denoising score matching: the score of noisy data is learned from pairs, and no trace is needed.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_positive, check_precision, check_seed, describe
from deeprestore_lab.training.score_matching.hyvarinen import check_samples


def denoising_loss(
    score: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, sigma: float, seed: int
) -> torch.Tensor:
    r"""1/(2N) sum_n |score(y_n) - (x_n - y_n) / sigma^2|^2 with y = x + sigma n, a scalar that can be differentiated.

    `x` is `(N, ...)`, vectors or pictures; a sum over the entries of a sample, the mean over samples. `score` maps y to
    its shape: minus the gradient of an energy, or a network. The target is the score of the noise's density, and the
    best answer to it is its posterior mean given y, (E[x | y] - y) / sigma^2. By Tweedie's identity that is the score
    of the density of y, not of x. So the loss is Hyvärinen's for the noisy data, plus a constant that no score
    changes. One draw of noise for each sample, by `seed`. Raises `ValueError` for samples that are none and a score of
    another shape. Source: Vincent (2011), equation 11. Taught in chapter 14_learned_filters.

    >>> x = torch.zeros(1, 4)
    >>> float(denoising_loss(lambda y: -y / 0.01, x, sigma=0.1, seed=0))  # x is known to be zero: y tells the noise
    0.0
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    check_samples(x)
    if not callable(score):
        raise ValueError(f"score must be a function of samples, got {describe(score)}")
    check_precision(x, name="x")
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(check_seed(seed)), dtype=x.dtype).to(x)
    y = x + sigma * noise
    found = score(y)
    if not isinstance(found, torch.Tensor) or found.shape != x.shape:
        raise ValueError(f"score must keep the shape of its input, {tuple(x.shape)}, got {describe(found)}")
    return (found + noise / sigma).flatten(1).square().sum(1).mean() / 2
