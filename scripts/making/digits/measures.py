"""How good the cube of a bounded auto-encoder is as a generator of digits: the same measures for every model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import torch

from deeprestore_lab import data
from deeprestore_lab.generators import dequantised
from deeprestore_lab.measures import discrepancies, sample_quality
from deeprestore_lab.networks.bounded_autoencoder import BoundedAutoEncoder
from deeprestore_lab.networks.digit_classifier import DigitClassifier

LEARNT = 50_000  # of the 60,000 training digits; the rest validates
REFERENCE, REAL, DRAWN = 10_000, 5_000, 5_000
SHARE = 0.95


LICENCE = (
    "MNIST: Y. LeCun, C. Cortes and C. Burges; CC BY-SA 3.0 as commonly stated, by Keras' documentation among others "
    "(https://keras.io/api/datasets/mnist/)"
)


def training_digits() -> data.Dataset:
    """The 60,000 training digits of MNIST; the script ends where there are only others."""
    found = data.mnist("train")
    if "MNIST" not in found.source or len(found.images) != 60_000:
        raise SystemExit(f"this needs MNIST (DEEPRESTORE_DATA or a download), found {found.source}")
    return found


@cache
def split() -> tuple[torch.Tensor, torch.Tensor]:
    """Images of MNIST to learn from and to validate with, `(50000, 1, 28, 28)` and `(10000, 1, 28, 28)`; read once."""
    found = training_digits()
    return found.images[:LEARNT], found.images[LEARNT:]


def spread(x: torch.Tensor) -> torch.Tensor:
    """Digits with noise of one level, by seed 0, as a density of them needs it."""
    return dequantised(x, torch.rand(x.shape, generator=torch.Generator().manual_seed(0)))


@dataclass
class Judge:
    """Measures models against `real` digits that they did not learn from, and a `reference` that they did.

    Distances to the nearest reference are taken in pixels and in the classifier's 64 features. A sample is a hole where
    it is farther from the reference than 95 % of what the threshold is taken from: of real digits, or, stricter in
    pixels since a smooth image is near to many, of their reconstructions by the model itself.
    """

    classifier: DigitClassifier
    reference: torch.Tensor
    real: torch.Tensor
    thresholds: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.reference, self.real = self.reference[:REFERENCE], self.real[:REAL]
        self.pixels, self.features = self.reference.flatten(1), self._features(self.reference)
        self.real_features = self._features(self.real)
        self.thresholds = {
            "pixels": sample_quality.threshold_of(self.real.flatten(1), self.pixels, share=SHARE),
            "features": sample_quality.threshold_of(self.real_features, self.features, share=SHARE),
        }

    @torch.no_grad()
    def _features(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.classifier.features(part) for part in x.split(1000)])

    @torch.no_grad()
    def samples(self, drawn: torch.Tensor, *, reconstructions: torch.Tensor | None = None) -> dict[str, float]:
        """Measures of images alone, `(N, 1, 28, 28)`; the strict hole rate needs a model's reconstructions."""
        rows, features = drawn.flatten(1), self._features(drawn)
        found = {
            "holes_pixels": sample_quality.hole_rate(rows, self.pixels, threshold=self.thresholds["pixels"]),
            "holes_features": sample_quality.hole_rate(features, self.features, threshold=self.thresholds["features"]),
        }
        if reconstructions is not None:
            strict = sample_quality.threshold_of(reconstructions.flatten(1), self.pixels, share=SHARE)
            found["holes_strict"] = sample_quality.hole_rate(rows, self.pixels, threshold=strict)
        found |= sample_quality.precision_and_coverage(features, self.real_features)._asdict()
        probabilities = torch.softmax(torch.cat([self.classifier(part) for part in drawn.split(1000)]), 1)
        one_hot = torch.nn.functional.one_hot(probabilities.argmax(1), 10).float()
        found["class_entropy"] = sample_quality.class_entropy(one_hot)
        found["certainty"] = float(probabilities.max(1).values.mean())
        return found

    @torch.no_grad()
    def model(self, model: BoundedAutoEncoder, *, seed: int = 0) -> dict[str, float]:
        """All measures of a model, with codes drawn by `seed`."""
        generator = torch.Generator().manual_seed(10_000 + seed)
        u = torch.rand(DRAWN, model.latent, generator=generator)
        directions = discrepancies.random_directions(model.latent, 500, generator=generator)
        drawn, codes = model.decode(u), model.encode(self.real)
        again = model.decode(codes)
        sliced = discrepancies.sliced_wasserstein(codes, u, directions=directions)
        return {
            "reconstruction": float((again - self.real).square().mean()),
            "codes_to_cube": float((model.latent * sliced).sqrt()),
            "cycle": float((model.encode(drawn) - u).square().mean().sqrt()),
            **self.samples(drawn, reconstructions=again),
        }
