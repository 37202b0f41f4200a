"""What samplers ask: the mean of a picture under noise, and the score that Tweedie's formula makes of it."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_images, check_positive, describe, per_image
from deeprestore_lab.energies import Energy

Mean = Callable[[torch.Tensor, float], torch.Tensor]


def mean_of(source: Energy | Mean) -> Mean:
    r"""D(y, sigma) = E[x | y = x + sigma n] of a prior that knows it, or of a network that is told the level.

    `source` is an energy with `posterior_mean` (Gaussian fields, their posteriors, mixtures), or any function of images
    `(N, C, H, W)` and a level. Gradients flow. Raises `ValueError` for an energy without it, for what cannot be
    called, and where a function gives something else than images of the shape it got. Taught in chapter 21_sampling.

    >>> mean_of(lambda y, sigma: y / (1 + sigma**2))(torch.ones(1, 1, 1, 1), 2.0).item()  # pictures of variance 1
    0.20000000298023224
    """
    if isinstance(source, Energy):
        if not source.has_posterior_mean:
            raise ValueError(f"{source.name} does not know its mean under noise; Langevin samplers take its score")
        return source.posterior_mean
    if not callable(source):
        raise ValueError(f"source must be an energy or a function of images and a level, got {describe(source)}")

    def mean(y: torch.Tensor, sigma: float) -> torch.Tensor:
        found = source(y, sigma)
        if not isinstance(found, torch.Tensor) or found.shape != y.shape:
            raise ValueError(f"the mean must have the shape of the images, {tuple(y.shape)}, got {describe(found)}")
        return found

    return mean


def score(source: Energy | Mean, x: torch.Tensor, sigma: float = 0.0) -> torch.Tensor:
    r"""The gradient of the log-density of pictures with noise of level `sigma` at `x` `(N, C, H, W)`, in its shape.

        grad log p_sigma(y) = (D(y, sigma) - y) / sigma^2           (Tweedie)

    With `sigma` 0 it is minus the gradient of the energy, or a denoiser's own answer at its own level; that takes an
    energy. Raises `ValueError` where the source cannot answer. Source: Efron (2011), equation 2.8. Taught in chapter
    21_sampling.

    >>> score(lambda y, sigma: y / (1 + sigma**2), torch.ones(1, 1, 1, 1), 2.0).item()  # -y / (1 + sigma^2)
    -0.20000000298023224
    """
    check_images(x)
    if not isinstance(sigma, torch.Tensor) and sigma == 0:
        if not isinstance(source, Energy) or not source.has_score:
            raise ValueError(f"without noise the score is that of a smooth energy, got {describe(source)}")
        return source.score(x)
    sigma = check_positive(sigma, name="sigma", single=True)
    return (mean_of(source)(x, sigma) - x) / per_image(sigma, x) ** 2
