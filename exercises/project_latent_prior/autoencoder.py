"""Step 1: the auto-encoder and its naive loss. The open parts are yours."""

import torch

from training import Layers


class AutoEncoder(Layers):
    """E into the cube [0, 1]^d, D out of it."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Images `(N, 1, 28, 28)` to codes `(N, d)` in [0, 1]: E(x).

        `self.encoder` takes `self.standardised(x)`.
        """
        raise NotImplementedError("AutoEncoder.encode")

    def decode(self, u: torch.Tensor) -> torch.Tensor:
        """Codes `(N, d)` in [0, 1] to images `(N, 1, 28, 28)` in [0, 1]: D(u).

        Give `self.decoder` 2u - 1, which is centred.
        """
        raise NotImplementedError("AutoEncoder.decode")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """D(E(x))."""
        return self.decode(self.encode(x))


def naive_loss(
    model: AutoEncoder, x: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """The mean square of D(E(x)) - x over images and pixels, a scalar."""
    raise NotImplementedError("naive_loss")
