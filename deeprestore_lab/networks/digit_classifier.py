"""A small classifier of digits, whose features measure samples and whose answers count restorations."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_input, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.trained import trained

SHAPE = (1, 28, 28)


class DigitClassifier(nn.Module):
    r"""x -> logits W phi(x) + b of the ten digits, with phi two strided convolutions and one layer of 64 features.

    phi is a 5 x 5 convolution with stride 2 to 16 channels, one of 3 x 3 with stride 2 to 32, both with zeros at
    the border, and a linear layer to 64, each followed by a GELU. Images `(N, 1, 28, 28)` in [0, 1], logits `(N,
    10)` in nats; a softmax makes probabilities of them. `seed` makes the start repeatable. Raises `ValueError` for
    images of another shape. Taught in chapter 12_latent_autoencoder.

    >>> classifier = DigitClassifier()
    >>> x = torch.rand(3, 1, 28, 28)
    >>> classifier(x).shape, classifier.features(x).shape
    (torch.Size([3, 10]), torch.Size([3, 64]))
    """

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        with seeded(seed):
            self.body = nn.Sequential(
                nn.Conv2d(1, 16, 5, stride=2, padding=2),
                nn.GELU(),
                nn.Conv2d(16, 32, 3, stride=2, padding=1),
                nn.GELU(),
                nn.Flatten(),
                nn.Linear(32 * 7 * 7, 64),
                nn.GELU(),
            )
            self.head = nn.Linear(64, 10)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """phi(x), `(N, 64)`: what distances between digits are measured in."""
        if tuple(check_input(x, self).shape[1:]) != SHAPE:
            raise ValueError(f"images must have the shape (N, 1, 28, 28), got {describe(x)}")
        return self.body(check_together(x, self))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


def digit_classifier() -> DigitClassifier:
    r"""The shipped classifier of MNIST's digits: images `(N, 1, 28, 28)` in [0, 1] to logits `(N, 10)`.

    The card, with its error on the test digits, is `artifacts.card("digit_classifier", kind="weights")`. Parameters
    take no gradients; those with respect to the image work. Raises `ArtifactError` where the weights are missing or
    damaged. Taught in chapter 12_latent_autoencoder.
    """
    return trained(DigitClassifier(), "digit_classifier")
