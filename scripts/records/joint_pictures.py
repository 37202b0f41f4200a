"""Chapter 21's highest goal on pictures: draws of a pixel model, reweighted by laws of two layers of `vgg_mini`.

Needs CIFAR-10 and SqueezeNet's local weights. The pixel model of 32 x 32 pictures is a hybrid that nobody trained for
it: a mixture of 100 Gaussians of rank 40, fitted to 10,000 pictures, above a noise of 0.28, and below it the denoiser
of chapter 4, which learnt from photographs. The layers are relu1_2 and relu2_2, pooled to 4 x 4 and seen in 40
principal components. "product": densities p_l of real pictures' layers, mixtures of 30 Gaussians of rank 10. "ratio":
p_l / q_l by a classifier that tells layers of real pictures from those of draws of the next seed; "ratio, capped": its
logits no higher than the median of those of fresh real pictures. Judged in what
steered (both layers' components) and in SqueezeNet's fire5, which did not, against 1,000 other real pictures.
"""

from __future__ import annotations

from functools import cache

import torch
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from deeprestore_lab import backbones, sampling
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures.sample_quality import area_under_roc, precision_and_coverage
from deeprestore_lab.networks import trained_denoiser
from deeprestore_lab.priors import GaussianMixture, fit_gaussian_mixture
from scripts.making.cifar10 import jpeg_pictures, lossless
from scripts.making.recorded import small_strip
from scripts.making.resumable import Parts, rounded
from scripts.making.reweighted import judged

SEEDS = range(5)
COUNT, KEPT, RIDGE, SWITCH = 1000, 500, 0.02, 0.28
WEIGHTS = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0)
LAYERS, POOLED, COMPONENTS = ["relu1_2", "relu2_2"], 4, 40
LEVELS = sampling.karras_levels(25, smallest=0.01, largest=80.0)
LEARNT, REAL = 2500, 1000  # of the 4,000 pictures without loss: for the layers' laws, and for judging
SETTINGS = {
    "count": COUNT,
    "kept": KEPT,
    "levels": len(LEVELS) - 1,
    "switch": SWITCH,
    "weights": list(WEIGHTS),
    "layers": LAYERS,
    "pooled": POOLED,
    "components": COMPONENTS,
    "ridge": RIDGE,
}
PARTS = Parts("joint_pictures", SETTINGS)


@cache
def mixture() -> GaussianMixture:
    """Fitted to the 10,000 test pictures; that they are JPEG does not matter under strong noise."""
    return fit_gaussian_mixture(jpeg_pictures()[0], parts=100, rank=40, seed=0)


def drawn(seed: int) -> torch.Tensor:
    """The draws of a seed, kept as bytes."""

    def make(_: str) -> tuple[dict, dict]:
        sampler = sampling.Heun(sampling.switched(mixture(), trained_denoiser(), at=SWITCH), LEVELS)
        start = sampling.noise_start(COUNT, (3, 32, 32), sigma=LEVELS[0], seed=seed)
        x = torch.cat([sampling.draw(sampler, part, seed=seed).x for part in start.split(100)])
        return {}, {"x": (255 * x.clamp(0, 1)).round().to(torch.uint8)}

    return PARTS.get(f"draws {seed}", make)[1]["x"].float() / 255


@torch.no_grad()
def maps(x: torch.Tensor) -> list[torch.Tensor]:
    """Both layers, pooled: rows of numbers."""
    network = backbones.load("vgg_mini", "embedded")
    parts = [network.features(part, LAYERS) for part in x.split(250)]
    return [torch.cat([adaptive_avg_pool2d(part[name], POOLED).flatten(1) for part in parts]) for name in LAYERS]


@cache
def components() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Mean and leading directions of each pooled layer of real pictures."""
    return [(f.mean(0), torch.linalg.eigh(torch.cov(f.mT))[1][:, -COMPONENTS:]) for f in maps(lossless()[0][:LEARNT])]


def layers(x: torch.Tensor) -> list[torch.Tensor]:
    """What the two layers see of pictures, rows of 40 numbers each."""
    return [(f - mean) @ axes for f, (mean, axes) in zip(maps(x), components(), strict=True)]


@torch.no_grad()
def unsteered(x: torch.Tensor) -> torch.Tensor:
    """Mean responses of SqueezeNet's fire5 to the pictures at twice their size."""
    network = backbones.load("squeezenet1_1", "local", layers=["fire5"])
    large = interpolate(x, scale_factor=2, mode="bilinear")
    return torch.cat([network.features(part, ["fire5"])["fire5"].mean((2, 3)) for part in large.split(250)])


@cache
def scales() -> list[torch.Tensor]:
    """Deviations of the layers' components over real pictures: distances count both layers alike."""
    return [rows.std(0) for rows in layers(lossless()[0][:LEARNT])]


def steered(x: torch.Tensor) -> torch.Tensor:
    """Both layers' components, each with deviation 1 on real pictures."""
    return torch.cat([rows / scale for rows, scale in zip(layers(x), scales(), strict=True)], 1)


@cache
def real() -> dict[str, torch.Tensor]:
    """Features of the real pictures that draws are compared with."""
    x = lossless()[0][-REAL:]
    return {"judge": unsteered(x), "layers": steered(x)}


def quality(x: torch.Tensor) -> dict[str, float]:
    """Precision and coverage in both sets of features."""
    found: dict[str, float] = {}
    for name, rows in {"judge": unsteered(x), "layers": steered(x)}.items():
        measured = precision_and_coverage(rows, real()[name])
        found[f"precision, {name}"], found[f"coverage, {name}"] = measured.precision, measured.coverage
    return found


@cache
def laws() -> list[GaussianMixture]:
    """Densities of the real pictures' layers, rows as pictures of one line."""
    seen = layers(lossless()[0][:LEARNT])
    return [fit_gaussian_mixture(rows[:, None, None], parts=30, rank=10, seed=0) for rows in seen]


def joint(key: str) -> tuple[dict, dict]:
    """All weights of both rules for one seed, and how well the ratio tells real pictures from draws."""
    seed = int(key.split()[1])
    x, other = drawn(seed), drawn((seed + 1) % len(SEEDS))
    seen, elsewhere, learnt = layers(x), layers(other), layers(lossless()[0][:LEARNT])
    ratios = [sampling.LogisticRatio(p, q, ridge=RIDGE) for p, q in zip(learnt, elsewhere, strict=True)]
    fresh = layers(lossless()[0][LEARNT:-REAL])
    logits, of_real = ([ratio(rows) for ratio, rows in zip(ratios, own, strict=True)] for own in (seen, fresh))
    log_ratios = {
        "product": [-law(rows[:, None, None]) for law, rows in zip(laws(), seen, strict=True)],
        "ratio": logits,
        "ratio, capped": [own.clamp(max=real_.median()) for own, real_ in zip(logits, of_real, strict=True)],
    }
    apart = [area_under_roc(own, real_) for own, real_ in zip(logits, of_real, strict=True)]
    found, shown = judged(
        x,
        log_ratios,
        quality,
        weights=dict.fromkeys(log_ratios, WEIGHTS),
        kept=KEPT,
        seed=seed,
        shown=("product", "ratio") if seed == 0 else (),
    )
    return {"told apart": dict(zip(LAYERS, apart, strict=True))} | found, shown


def main() -> None:
    """Measure what is missing, and write the record with its pictures."""
    torch.set_num_threads(1)
    parts = PARTS.all([f"joint {seed}" for seed in SEEDS], joint)
    ceiling = quality(lossless()[0][LEARNT:-REAL])
    save_record(
        "joint_pictures",
        rounded(
            {"settings": SETTINGS, "joint": [parts[f"joint {seed}"][0] for seed in SEEDS], "real pictures": ceiling}
        ),
        command="make records NAME=joint_pictures",
        data="CIFAR-10: the mixture from its test pictures, laws of layers and judging from training pictures",
        licence="CIFAR-10 states none; the pictures of the record are drawn by a model",
        seeds=list(SEEDS),
        metric="precision and coverage in features that nothing was steered by; effective sample size",
        pictures={
            f"{name.replace(' ', '-').replace('.', '_')}.webp": small_strip(rows_of(x), quality=70)
            for name, x in parts["joint 0"][1].items()
        },
    )


def rows_of(shown: torch.Tensor) -> torch.Tensor:
    """Twenty-four pictures as columns of two, `(12, 3, 64, 32)` in [0, 1]."""
    return torch.cat(shown.chunk(2), dim=2).float() / 255


if __name__ == "__main__":
    main()
