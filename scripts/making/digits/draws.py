"""What the records of chapter 21 share: the mixture, the hybrid, and the measures of draws in two sets of features."""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import data, sampling
from deeprestore_lab.measures import sample_quality
from deeprestore_lab.measures.discrepancies import nearest
from deeprestore_lab.networks import diffusion_digits, digit_classifier, digit_judge
from deeprestore_lab.networks.digit_classifier import DigitClassifier
from deeprestore_lab.priors import GaussianMixture, fit_gaussian_mixture
from scripts.making.digits.measures import split

PARTS_OF_MIXTURE, RANK = 200, 25
LEVELS = {"smallest": 0.01, "largest": 10.0}
REAL = 1000


@cache
def mixture() -> GaussianMixture:
    """200 Gaussians of rank 25, fitted on the 50,000 digits that are learnt from."""
    return fit_gaussian_mixture(split()[0], parts=PARTS_OF_MIXTURE, rank=RANK, seed=0)


@cache
def test_digits() -> torch.Tensor:
    """The 10,000 test digits, `(10000, 1, 28, 28)`."""
    return data.mnist("test").images


def drawn_digits(count: int, *, switch: float, levels: int, seed: int) -> torch.Tensor:
    """Draws by Heun: the mixture above the level `switch`, the network below; clipped to [0, 1]."""
    mean = (
        sampling.switched(mixture(), diffusion_digits(), at=switch)
        if switch < LEVELS["largest"]
        else diffusion_digits()
    )
    sampler = sampling.Heun(mean, sampling.karras_levels(levels, **LEVELS))
    start = sampling.noise_start(count, (1, 28, 28), sigma=LEVELS["largest"], seed=seed)
    parts = [sampling.draw(sampler, part, seed=seed).x for part in start.split(250)]
    return torch.cat(parts).clamp(0, 1)


@torch.no_grad()
def features(network: DigitClassifier, x: torch.Tensor) -> torch.Tensor:
    """The 64 features of pictures, `(N, 64)`."""
    return torch.cat([network.features(part) for part in x.split(500)])


@cache
def _real(name: str) -> torch.Tensor:
    return features(NETWORKS[name](), test_digits()[:REAL])


NETWORKS = {"classifier": cache(digit_classifier), "judge": cache(digit_judge)}


def quality(x: torch.Tensor) -> dict[str, float]:
    """Precision and coverage against 1,000 test digits in the features of both networks, and the entropy of classes."""
    found: dict[str, float] = {}
    for name, network in NETWORKS.items():
        measured = sample_quality.precision_and_coverage(features(network(), x), _real(name))
        found[f"precision, {name}"], found[f"coverage, {name}"] = measured.precision, measured.coverage
    with torch.no_grad():
        answers = torch.cat([NETWORKS["judge"]()(part).argmax(1) for part in x.split(500)])
    found["entropy"] = sample_quality.class_entropy(torch.nn.functional.one_hot(answers, 10).double())
    return found


def memory(x: torch.Tensor) -> float:
    """The mean distance to the nearest of 10,000 digits learnt from, over that to 10,000 that were not."""
    learnt, validating = split()
    rows = x[:200].flatten(1)
    near = [float(nearest(rows, other[:10_000].flatten(1))[0].mean()) for other in (learnt, validating)]
    return near[0] / near[1]
