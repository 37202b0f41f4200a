"""A second classifier of digits, of another build, for features that nothing was steered by."""

from torch import nn

from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.digit_classifier import DigitClassifier
from deeprestore_lab.networks.trained import trained


class DigitJudge(DigitClassifier):
    r"""x -> logits of the ten digits by 64 features, as `DigitClassifier`, narrower and with larger filters.

    Two 5 x 5 convolutions with stride 2 to 12 and 24 channels and a linear layer to 64, each followed by a GELU. A
    generator that was steered by one classifier's features is judged in the other's. Shapes and errors as there. Taught
    in chapter 21_sampling.

    >>> import torch
    >>> DigitJudge().features(torch.rand(3, 1, 28, 28)).shape
    torch.Size([3, 64])
    """

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        with seeded(seed):
            self.body = nn.Sequential(
                nn.Conv2d(1, 12, 5, stride=2, padding=2),
                nn.GELU(),
                nn.Conv2d(12, 24, 5, stride=2, padding=2),
                nn.GELU(),
                nn.Flatten(),
                nn.Linear(24 * 7 * 7, 64),
                nn.GELU(),
            )


def digit_judge() -> DigitJudge:
    r"""The shipped second classifier of MNIST's digits: images `(N, 1, 28, 28)` in [0, 1] to logits `(N, 10)`.

    The card, with its error on the test digits, is `artifacts.card("digit_judge", kind="weights")`. Parameters take no
    gradients. Raises `ArtifactError` where the weights are missing or damaged. Taught in chapter 21_sampling.
    """
    return trained(DigitJudge(), "digit_judge")
