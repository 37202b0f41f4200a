"""Draws of pictures with a given map of `vgg_mini`, their mean, and what the shipped inverse network answers.

Diffusion posterior sampling with the denoiser that is told the level, up to 75/255, begun at the network's answer with
noise of 0.29. The map's misfit is in units of pixels: divided by how much the map changes for a change of the
picture, measured with small noise. The weight of the guidance is the one whose draws are best in PSNR, on average, on
a photograph that nothing learnt from and that is not reported. Five others, 96 x 96, eight draws each, in 25 steps;
the first three of them in five times as many, too. Roughness is the mean square of differences of neighbouring pixels,
over the truth's. The judge is SqueezeNet, which took no part.
"""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import images, sampling
from deeprestore_lab.backbones import load
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.inverse_networks import inverse_network, relative_error
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.measures.perceptual import distance
from deeprestore_lab.networks import trained_denoiser
from scripts.making.recorded import small_strip
from scripts.making.resumable import Parts, or_shipped, rounded
from scripts.records.inverse_criteria import JUDGE, judge, roughness

RECORD, LAYERS, SIZE, DRAWS = "inverse_samples", ["relu2_2", "relu3_3"], 96, 8
TUNED_ON, TRIED, SHOWN, CROP = "coffee", 2, "chelsea", 64  # TRIED: draws at each weight
WEIGHTS, FEW, FIVE_TIMES, LONG = [0.1, 0.3, 1.0, 3.0], 25, 125, 3  # LONG: photographs with more steps
LARGEST, SMALLEST, RHO, NUDGE = 0.29, 0.01, 3.0, 0.02
SETTINGS = {
    "layers": LAYERS,
    "size": SIZE,
    "draws": DRAWS,
    "weights": WEIGHTS,
    "steps": [FEW, FIVE_TIMES],
    "largest": LARGEST,
    "tuned_on": TUNED_ON,
    "photographs": list(images.HELD_OUT_PHOTOGRAPHS),
    "judge": [JUDGE[0], list(JUDGE[1])],
}
PARTS = Parts(RECORD, SETTINGS)


@torch.no_grad()
def answer(layer: str, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The map of a picture, and what the inverse network makes of it."""
    y = load("vgg_mini", "embedded").at(layer)(x)
    return y, inverse_network(layer)(y, tuple(x.shape[2:]))


def drawn(layer: str, x: torch.Tensor, *, weight: float, steps: int, seed: int, k: int = DRAWS) -> torch.Tensor:
    """k draws of pictures with about the map of `x`."""
    phi = load("vgg_mini", "embedded").at(layer)
    y, start = answer(layer, x)
    with torch.no_grad():
        nudge = NUDGE * torch.randn(x.shape, generator=torch.Generator().manual_seed(1000 + seed))
        gain = float((phi(x + nudge) - y).norm() / nudge.norm())
    data = GaussianLikelihood(lambda v: phi(v) / gain, (y / gain).repeat(k, 1, 1, 1), sigma=1.0)  # DPS takes no sigma
    levels = sampling.karras_levels(steps, smallest=SMALLEST, largest=LARGEST, rho=RHO)[:-1] + [0.0]
    begin = start + sampling.noise_start(k, tuple(x.shape[1:]), sigma=LARGEST, seed=seed)
    return sampling.draw(sampling.DPS(trained_denoiser(), levels, data, weight=weight), begin, seed=seed).x


def tuned(key: str) -> tuple[dict, dict]:
    """PSNR of draws, on average, for each weight; the key is "tuning/layer/steps"."""
    _, layer, steps = key.split("/")
    x = images.photograph(TUNED_ON, size=SIZE)
    found = {f"{w:g}": drawn(layer, x, weight=w, steps=int(steps), seed=0, k=TRIED) for w in WEIGHTS}
    return {w: float(psnr(draws.clamp(0, 1), x.expand_as(draws)).mean()) for w, draws in found.items()}, {}


@cache
def tuning(layer: str, steps: int) -> dict[str, float]:
    """What `tuned` found."""
    return PARTS.get(f"tuning/{layer}/{steps}", tuned)[0]


@torch.no_grad()
def measured(layer: str, x: torch.Tensor, draws: torch.Tensor) -> dict[str, float]:
    """Every measure of the network's answer, of a draw (a mean over draws) and of the mean of the draws."""
    y, network = answer(layer, x)
    phi, mean = load("vgg_mini", "embedded").at(layer), draws.mean(0, keepdim=True)
    found = {"roughness of the truth": float(roughness(x))}
    for name, own in {"network": network, "draw": draws, "mean": mean}.items():
        own = own.clamp(0, 1)
        truth = x.expand_as(own)
        found[f"psnr {name}"] = float(psnr(own, truth).mean())
        found[f"roughness {name}"] = float((roughness(own) / roughness(x)).mean())
        found[f"again {name}"] = float(relative_error(phi(own), y.expand(len(own), -1, -1, -1)).mean())
        found[f"judge {name}"] = float(distance(own, truth, network=judge(), layers=JUDGE[1]).mean())
    found["variance of draws"] = float(draws.var(0).mean())
    found["error of a draw"] = float((draws - x).square().mean())
    found["error of the mean"] = float((mean - x).square().mean())
    found["from network to a draw"] = float((draws - network).square().mean())
    found["from network to the mean"] = float((mean - network).square().mean())
    return found


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One photograph; the key is "layer/steps/photograph"."""
    layer, steps, name = key.split("/")
    chances = tuning(layer, int(steps))
    x = images.photograph(name, size=SIZE)
    seed = images.HELD_OUT_PHOTOGRAPHS.index(name)
    weight = float(max(chances, key=chances.get))
    draws = drawn(layer, x, weight=weight, steps=int(steps), seed=seed)
    shown = {}
    if (int(steps), name) == (FIVE_TIMES, SHOWN):
        rows = torch.cat([x, answer(layer, x)[1], draws.mean(0, keepdim=True), draws[:3]])
        shown = {"shown": images.crop(rows.clamp(0, 1), CROP)}
    return measured(layer, x, draws), shown


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    asked = {FEW: images.HELD_OUT_PHOTOGRAPHS, FIVE_TIMES: images.HELD_OUT_PHOTOGRAPHS[:LONG]}
    cases = {f"{layer}/{steps}": names for steps, names in asked.items() for layer in LAYERS}
    parts = PARTS.all([f"{case}/{name}" for case, names in cases.items() for name in names], run)
    content = {case: {name: parts[f"{case}/{name}"][0] for name in names} for case, names in cases.items()}
    shown = {layer: parts[f"{layer}/{FIVE_TIMES}/{SHOWN}"][1] for layer in LAYERS}
    means = {
        case: {m: sum(own[m] for own in rows.values()) / len(rows) for m in ("psnr network", "psnr draw", "psnr mean")}
        for case, rows in content.items()
    }
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "tuning": {case: tuning(case.split("/")[0], int(case.split("/")[1])) for case in cases},
                "found": content,
                "shown": {
                    "photograph": SHOWN,
                    "side": CROP,
                    "steps": FIVE_TIMES,
                    "order": ["truth", "network", "mean of draws", "a draw", "another", "a third"],
                },
            }
        ),
        command=f"make records NAME={RECORD}",
        data="photographs embedded in scikit-image: " + ", ".join([*images.HELD_OUT_PHOTOGRAPHS, TUNED_ON]),
        licence="as stated by the package for each picture; the pictures of the record are of a CC0 one",
        seeds=list(range(len(images.HELD_OUT_PHOTOGRAPHS))),
        metric="mean PSNR in dB of network, draw and mean of draws: "
        + "; ".join(f"{case} {', '.join(f'{v:.1f}' for v in own.values())}" for case, own in means.items()),
        pictures=or_shipped(
            RECORD, {f"{layer}.webp": small_strip(own["shown"], quality=80) for layer, own in shown.items()}
        ),
    )
