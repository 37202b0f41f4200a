"""The second classifier of digits of chapter 21, in whose features nothing is steered. Needs MNIST."""

from __future__ import annotations

import torch

from deeprestore_lab.networks.digit_judge import DigitJudge
from deeprestore_lab.training import cosine, fit
from scripts.making.digits.measures import training_digits
from scripts.making.resumable import Parts
from scripts.weights.digit_classifier import save_classifier, smoothed

STEPS, BATCH, LR = 1500, 128, 2e-3
PARTS = Parts("digit_judge", {"steps": STEPS, "batch": BATCH, "lr": LR, "seed": 1})


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The classifier on all training digits as they are."""
    found = training_digits()

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randint(len(found.images), (BATCH,), generator=torch.Generator().manual_seed(10**6 + step))
        return found.images[chosen], found.labels[chosen]

    judge = DigitJudge(seed=1)
    rate = cosine(LR, STEPS, warmup=50)
    fit(judge, draw, steps=STEPS, loss=smoothed, lr=rate, weight_decay=0.01, checkpoint=PARTS.checkpoint(key))
    return {}, judge.half().state_dict()


def main() -> None:
    """Train it and write the artifact."""
    save_classifier("digit_judge", DigitJudge(), PARTS.get("judge", train)[1], seed=1)
