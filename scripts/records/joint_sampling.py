"""The highest goal of chapter 21 on digits: draws of a pixel model, reweighted by priors of two layers. Needs MNIST.

The pixel model is the hybrid of the record sampling_digits. The layers are the first convolutions' maps of the digit
classifier, pooled to 4 x 4 and seen in 40 principal components, and its 64 features. "product": densities p_l of the
real digits' layers, mixtures of 30 Gaussians of rank 10. "ratio": p_l / q_l by a classifier that tells layers of real
digits from those of draws of the next seed. Judged in the features of a second classifier, which nothing was steered
by.

Then digits from a variational auto-encoder on feature maps, read out by an inverse network.
"""

from __future__ import annotations

import re
from functools import cache

import torch
from torch import nn

from deeprestore_lab import sampling
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.course.figures import encode
from deeprestore_lab.generators import VariationalAutoEncoder, train
from deeprestore_lab.priors import GaussianMixture, fit_gaussian_mixture
from deeprestore_lab.training import cosine, fit, step_generator
from scripts.making.digits.draws import NETWORKS, drawn_digits, quality, test_digits
from scripts.making.digits.measures import LICENCE, split
from scripts.making.resumable import Parts, rounded
from scripts.making.reweighted import judged

SEEDS = range(5)
COUNT, STEPS, SWITCH = 1000, 10, 0.5
WEIGHTS = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0)
KEPT, FITTED, RIDGE = 500, 6000, 0.02
SETTINGS = {"count": COUNT, "levels": STEPS, "switch": SWITCH, "weights": list(WEIGHTS), "kept": KEPT, "ridge": RIDGE}
PARTS = Parts("joint_sampling", SETTINGS)
MAP, LATENT, RATE, TRAINED, DECODED = (32, 7, 7), 24, 2e-3, 500, 3000


@torch.no_grad()
def maps(x: torch.Tensor) -> torch.Tensor:
    """The map after the second convolution, `(N, 32, 7, 7)`."""
    return torch.cat([NETWORKS["classifier"]().body[:4](part) for part in x.split(500)])


@torch.no_grad()
def layers(x: torch.Tensor) -> list[torch.Tensor]:
    """What the two layers see of pictures, rows of 40 and 64 numbers."""
    network = NETWORKS["classifier"]()
    low = nn.functional.adaptive_avg_pool2d(maps(x), 4).flatten(1)
    mean, axes = components()
    return [(low - mean) @ axes, torch.cat([network.features(part) for part in x.split(500)])]


@cache
def components() -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and the 40 leading directions of the pooled maps of real digits."""
    low = nn.functional.adaptive_avg_pool2d(maps(split()[0][:FITTED]), 4).flatten(1)
    return low.mean(0), torch.linalg.eigh(torch.cov(low.mT))[1][:, -40:]


@cache
def laws() -> list[GaussianMixture]:
    """Densities of the real digits' layers, standardised rows as pictures of one line."""
    return [
        fit_gaussian_mixture(rows[:, None, None], parts=30, rank=10, seed=0) for rows in layers(split()[0][:FITTED])
    ]


def pixel_draws(seed: int, *, weak: bool = False) -> torch.Tensor:
    """The draws of a seed, kept as bytes; `weak`: of the network alone."""
    key = f"{'weak ' * weak}draws {seed}"

    def make(_: str) -> tuple[dict, dict]:
        x = drawn_digits(COUNT, switch=100.0 if weak else SWITCH, levels=STEPS, seed=1000 + seed)
        return {}, {"x": (255 * x).round().to(torch.uint8)}

    return PARTS.get(key, make)[1]["x"].float() / 255


def joint(key: str) -> tuple[dict, dict]:
    """All weights of both rules for one seed; of "weak" draws the ratio alone."""
    kind, seed = key.split()[0], int(key.split()[1])
    x, other = (pixel_draws(s, weak=kind == "weak") for s in (seed, (seed + 1) % len(SEEDS)))
    seen, elsewhere, real = layers(x), layers(other), layers(split()[0][FITTED : 2 * FITTED])
    log_ratios = {
        "product": [-law(rows[:, None, None]) for law, rows in zip(laws(), seen, strict=True)],
        "ratio": [
            sampling.LogisticRatio(p, q, ridge=RIDGE)(rows) for p, q, rows in zip(real, elsewhere, seen, strict=True)
        ],
        "ratio, last layer": [sampling.LogisticRatio(real[1], elsewhere[1], ridge=RIDGE)(seen[1])],
    }
    if kind == "weak":
        log_ratios = {"ratio": log_ratios["ratio"]}
    return judged(
        x,
        log_ratios,
        quality,
        weights=dict.fromkeys(log_ratios, WEIGHTS) | {"ratio, last layer": (0.5, 1.0)},
        kept=KEPT,
        seed=seed,
        shown=("product", "ratio") if seed == 0 and kind == "joint" else (),
    )


def on_maps(key: str) -> tuple[dict, dict]:
    """A VAE on maps and an inverse network: draws from N(0, 1) codes, from codes of a mixture, and real maps."""
    seed = int(key.split()[1])
    learnt = split()[0]
    with seeded(seed):
        inverse = nn.Sequential(
            nn.Conv2d(32, 48, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(48, 24, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(24, 1, 4, stride=2, padding=1),
        )

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randint(len(learnt), (64,), generator=step_generator(seed, step))
        return maps(learnt[chosen]), learnt[chosen]

    fit(inverse, draw, steps=TRAINED, lr=cosine(2e-3, TRAINED, warmup=50), label="inverse")
    f = maps(learnt[:10_000])
    scale = f.std()
    vae = VariationalAutoEncoder(latent=LATENT, widths=(256, 128), shape=MAP, seed=seed).initialise(f[:2000] / scale)
    train(vae, f / scale, steps=DECODED, batch=128, lr=cosine(RATE, DECODED, warmup=50), seed=seed)
    with torch.no_grad():
        codes = vae.posterior(f / scale)[0]
        spread = fit_gaussian_mixture(codes[:, None, None], parts=60, rank=LATENT - 1, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        drawn = {
            "N(0, 1) codes": torch.randn(KEPT, LATENT, generator=generator),
            "codes of a mixture": spread.sample(KEPT, seed=seed).flatten(1),
            "codes of other digits": vae.posterior(maps(test_digits()[2000:][:KEPT]) / scale)[0],
        }
        pictures = {name: inverse(scale * vae.decoder(z)).clamp(0, 1) for name, z in drawn.items()}
        pictures["real maps"] = inverse(maps(test_digits()[2000:][:KEPT])).clamp(0, 1)
    shown = {name: (255 * x[:24]).round().to(torch.uint8) for name, x in pictures.items()} if seed == 0 else {}
    return {name: quality(x) for name, x in pictures.items()}, shown


def main() -> None:
    """Measure what is missing, and write the record."""
    torch.set_num_threads(1)
    parts = [PARTS.get(f"joint {seed}", joint) for seed in SEEDS]
    weak = [PARTS.get(f"weak {seed}", joint)[0] for seed in SEEDS]
    decoded = [PARTS.get(f"maps {seed}", on_maps) for seed in SEEDS]
    shown = parts[0][1] | decoded[0][1]
    names = {name: re.sub("[^A-Za-z0-9]+", "-", name).strip("-") for name in shown}
    save_record(
        "joint_sampling",
        rounded(
            {
                "settings": SETTINGS,
                "joint": [numbers for numbers, _ in parts],
                "weak": weak,
                "maps": [numbers for numbers, _ in decoded],
                "pictures": names,
            }
        ),
        command="make records NAME=joint_sampling",
        data="MNIST; models learned from the first 50,000 training digits, measured on test digits",
        licence=LICENCE,
        seeds=list(SEEDS),
        metric="precision, coverage and entropy in features that nothing was steered by; effective sample size",
        pictures={f"{names[name]}.webp": strip(x.reshape(2, 12, *x.shape[1:])) for name, x in shown.items()},
    )


def strip(shown: torch.Tensor) -> bytes:
    """Rows of small pictures `(R, C, 1, 28, 28)` as one encoded picture."""
    rows = [torch.cat(list(row.float() / 255), dim=-1) for row in shown]
    return encode(torch.cat(rows, dim=-2)[None].expand(-1, 3, -1, -1))
