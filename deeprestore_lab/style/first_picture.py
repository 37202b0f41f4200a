"""Where a synthesis starts: noise with the colours of the example.

Taught in chapter 08_style.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_images, check_positive, check_seed
from deeprestore_lab.images.transforms import Size, height_and_width
from deeprestore_lab.operators import Blur
from deeprestore_lab.signal.convolution import gaussian_kernel


def colour_noise(example: torch.Tensor, *, size: Size | None = None, seed: int = 0, grain: float = 1.0) -> torch.Tensor:
    """Gaussian noise with the mean and the covariance of the example's colours, and grains of a few pixels.

    `example` is `(N, 3, H, W)`, RGB in [0, 1]; the noise has its size or `size`, and one draw for each of its images.
    It is blurred, over a circular border, by a Gaussian of standard deviation `grain` pixels, then scaled to the
    covariance: what is finer than the grain must come from the energy, and stays out where the energy does not ask for
    it. Values may leave [0, 1]. Taught in chapter 08_style.

    Raises `ValueError` for what is no image batch of three channels, and a grain that is not above 0.

    >>> import deeprestore_lab as drl
    >>> example = drl.images.photograph("coffee", size=64)
    >>> noise = colour_noise(example)
    >>> bool((noise.mean((2, 3)) - example.mean((2, 3))).abs().max() < 1e-5)
    True
    """
    check_images(example, name="example", channels=3)
    check_positive(grain, name="grain")
    height, width = example.shape[2:] if size is None else height_and_width(size)
    draw = torch.Generator().manual_seed(check_seed(seed))
    noise = torch.randn(len(example), 3, height, width, generator=draw).to(example)
    noise = Blur(gaussian_kernel(grain), border="circular")(noise).flatten(2)
    return (_root(example.flatten(2)) @ _whitened(noise)).unflatten(2, (height, width)) + example.mean((2, 3), True)


def _covariance(values: torch.Tensor) -> torch.Tensor:
    """The covariance of the channels of each image: `(N, C, P) -> (N, C, C)`."""
    centred = values - values.mean(2, keepdim=True)
    return centred @ centred.transpose(1, 2) / values.shape[2]


def _root(values: torch.Tensor) -> torch.Tensor:
    """The symmetric root of the covariance; of a grey picture it has one direction only."""
    eigenvalues, vectors = torch.linalg.eigh(_covariance(values))
    return vectors * eigenvalues.clamp_min(0).sqrt()[:, None] @ vectors.transpose(1, 2)


def _whitened(values: torch.Tensor) -> torch.Tensor:
    """The values with mean 0 and the identity as covariance."""
    eigenvalues, vectors = torch.linalg.eigh(_covariance(values))
    centred = values - values.mean(2, keepdim=True)
    return vectors / eigenvalues.sqrt()[:, None] @ vectors.transpose(1, 2) @ centred
