"""The decoder that the generators share: the auto-encoder's, on codes that need no bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks import leaky_layers
from deeprestore_lab.networks.bounded_autoencoder import WIDTHS, check_code_length, start_at


class Decoder(nn.Module):
    r"""D(z) = sigmoid(h(z)) in (0, 1), h with layers of LeakyReLU: codes `(N, latent)` to images `(N, *shape)`.

    It is `BoundedAutoEncoder`'s decoder without the map from the cube, of the same widths read from the image's side,
    so that generators are compared at equal size. Codes should have coordinates of about unit size. `seed` makes the
    weights repeatable. Raises `ValueError` for settings and codes that do not fit. Taught in chapter 13_generators.

    >>> Decoder(latent=10)(torch.zeros(3, 10)).shape
    torch.Size([3, 1, 28, 28])
    """

    def __init__(
        self,
        *,
        latent: int = 10,
        widths: Sequence[int] = WIDTHS,
        shape: tuple[int, int, int] = (1, 28, 28),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.latent = check_whole(latent, name="latent", least=1)
        self.shape = tuple(check_whole(n, name="a side of shape", least=1) for n in shape)
        with seeded(seed):
            self.layers = leaky_layers([self.latent, *widths[::-1], math.prod(self.shape)])

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        check_together(check_code_length(z, self.latent), self, names=("z", "the decoder"))
        return torch.sigmoid(self.layers(z)).unflatten(1, self.shape)

    def initialise(self, images: torch.Tensor) -> Decoder:
        """Start at the mean of `images` `(N, *shape)` in [0, 1], clamped to [0.01, 0.99]; gives the decoder back.

        The last weights are multiplied by 0.1, as `BoundedAutoEncoder.initialise` does; call it once.
        """
        if tuple(check_images(images, name="images").shape[1:]) != self.shape:
            raise ValueError(
                f"images must have the shape (N, {', '.join(map(str, self.shape))}), got {describe(images)}"
            )
        start_at(images.mean(0), self.layers[-1])
        return self
