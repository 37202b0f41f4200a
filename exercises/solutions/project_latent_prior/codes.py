"""Steps 2 and 3: codes in the cube, and what random points decode to."""

import matplotlib.pyplot as plt
import torch

from deeprestore_lab import networks
from deeprestore_lab.measures import sample_quality

import pictures
from autoencoder import AutoEncoder
from data import Digits

PLANES = ((0, 1), (2, 3), (4, 5), (6, 7))
SAMPLES, REFERENCE, REAL = 2000, 10_000, 2000


def scatter(codes: torch.Tensor, name: str) -> None:
    """Write a picture of 300 codes in four coordinate planes."""
    figure, axes = plt.subplots(1, len(PLANES), figsize=(9, 2.4))
    for axis, (i, j) in zip(axes, PLANES, strict=True):
        axis.scatter(codes[:, i], codes[:, j], s=3)
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.set(xlabel=f"$u_{{{i + 1}}}$", ylabel=f"$u_{{{j + 1}}}$")
    figure.tight_layout()
    pictures.save(figure, name)


def measures(model: AutoEncoder, data: Digits) -> dict[str, float]:
    """The measures of the report. All look at test digits but for thresholds.

    holes: D(u) farther from its nearest training digit than 95 % of the
    reconstructions of validation digits are from theirs. The threshold is of
    reconstructions, since a blurred picture is nearer to all digits.
    """
    reference = data.train[:REFERENCE].flatten(1)
    generator = torch.Generator().manual_seed(2)
    samples = model.decode(
        torch.rand(SAMPLES, model.latent, generator=generator)
    )
    codes, real = model.encode(data.test), data.test[:REAL]
    classifier = networks.digit_classifier()
    with torch.no_grad():
        quality = sample_quality.precision_and_coverage(
            classifier.features(samples), classifier.features(real)
        )
        classes = sample_quality.class_entropy(classifier(samples).softmax(1))
    error = (model(data.test) - data.test).square().mean()
    return {
        "reconstruction": float(error),
        "holes": sample_quality.hole_rate(
            samples.flatten(1), reference, threshold=threshold(model, data)
        ),
        "precision": quality.precision,
        "coverage": quality.coverage,
        "class entropy": classes,
        "codes at a wall": float(
            ((codes < 0.02) | (codes > 0.98)).float().mean()
        ),
        "largest correlation": _largest_correlation(codes),
    }


def threshold(model: AutoEncoder, data: Digits) -> float:
    """The distance to the nearest training digit that 95 % of the
    reconstructions of validation digits keep."""
    return sample_quality.threshold_of(
        model(data.validation[:REAL]).flatten(1),
        data.train[:REFERENCE].flatten(1),
    )


def _largest_correlation(codes: torch.Tensor) -> float:
    """The largest absolute correlation of two coordinates."""
    between = codes.T.corrcoef().abs()
    return float((between - torch.eye(len(between))).max())
