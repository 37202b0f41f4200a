"""The classifier of digits of chapters 12 and 13, which measures samples and counts restorations. Needs MNIST."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.networks.digit_classifier import DigitClassifier
from deeprestore_lab.training import cosine, fit
from scripts.making.digits.measures import LICENCE, training_digits
from scripts.making.resumable import Parts

STEPS, BATCH, LR, SHIFT, SMOOTHING = 4000, 128, 2e-3, 2, 0.05
SETTINGS = {"steps": STEPS, "batch": BATCH, "lr": LR, "shift": SHIFT, "smoothing": SMOOTHING, "seed": 0}
PARTS = Parts("digit_classifier", SETTINGS)


def smoothed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy with a share of the label spread over all classes: features then stay at comparable lengths."""
    return cross_entropy(logits, labels, label_smoothing=SMOOTHING)


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The classifier on all training digits, each batch moved by up to two pixels."""
    found = training_digits()

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randint(len(found.images), (BATCH,), generator=generator)
        moves = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator).tolist()
        return torch.roll(found.images[chosen], moves, (2, 3)), found.labels[chosen]  # their border is empty

    classifier = DigitClassifier()
    fit(
        classifier,
        draw,
        steps=STEPS,
        loss=smoothed,
        lr=cosine(LR, STEPS, warmup=50),
        weight_decay=0.01,
        checkpoint=PARTS.checkpoint(key),
        label="classifier",
    )
    return {}, classifier.half().state_dict()


def save_classifier(name: str, classifier: DigitClassifier, weights: dict[str, torch.Tensor], *, seed: int) -> None:
    """Measure the weights as they are shipped, and write the artifact."""
    classifier.load_state_dict({key: tensor.float() for key, tensor in weights.items()})
    test = data.mnist("test")
    with torch.no_grad():
        right = (classifier(test.images).argmax(1) == test.labels).float().mean()
    save_weights(
        name,
        weights,
        command=f"make weights NAME={name}",
        data="MNIST, 60,000 training digits",
        licence=LICENCE,
        seeds=[seed],
        metric=f"right answers on the 10,000 test digits: {100 * float(right):.2f} %",
    )


def main() -> None:
    """Train it and write the artifact."""
    save_classifier("digit_classifier", DigitClassifier(), PARTS.get("classifier", train)[1], seed=0)
