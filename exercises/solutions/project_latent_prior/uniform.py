"""Step 4: a loss in closed form that spreads the codes over the cube."""

import torch

from autoencoder import AutoEncoder, naive_loss

WEIGHT = 0.05
DIRECTIONS = 64


def uniform_loss(
    codes: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """The sliced Wasserstein distance to uniform points, squared, times d.

    In one dimension optimal transport pairs the sorted values. So: project
    codes and as many uniform points on random directions, sort both, and take
    the mean square of the differences. Times d it is of the size of a squared
    distance in the cube.
    """
    count, latent = codes.shape
    uniform = torch.rand(count, latent, generator=generator)
    directions = torch.randn(latent, DIRECTIONS, generator=generator)
    directions = directions / directions.norm(dim=0)
    ours = (codes @ directions).sort(0).values
    theirs = (uniform @ directions).sort(0).values
    return latent * (ours - theirs).square().mean()


def mended_loss(
    model: AutoEncoder, x: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """The naive loss and the new one."""
    spread = uniform_loss(model.encode(x), generator)
    return naive_loss(model, x, generator) + WEIGHT * spread
