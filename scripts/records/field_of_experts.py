"""The field of experts beside total variation and BM3D: BSD68, holes, colour, and what the training's noise teaches.

BSD68 with noise of 15 and 25 over 255: fields of three training seeds on free photographs, at 25 also one on BSDS's
training pictures; total variation at the weight tuned as the fields' were and at its best weight on BSD68 itself; BM3D.
Weights are tuned on crops of BSDS's training pictures, in steps of a fifth until the best is inside, then by a
parabola. Holes and colour are compared on the held-out photographs, total variation at its best weight of each case
there, found with the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from deeprestore_lab import data, images, minimise
from deeprestore_lab.baselines.bm3d import bm3d
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Identity, Mask
from deeprestore_lab.priors import FieldOfExperts, Prior, TotalVariation
from deeprestore_lab.training.score_matching import fit_field
from scripts.making import bsd68
from scripts.making.recorded import best_variation
from scripts.making.resumable import Parts, rounded
from scripts.weights.field_of_experts import SIDE

FACTOR, TOLERANCE, SEED = 1.25, 1e-3, 0
CROPS, CROP = 8, 96  # of BSDS's training pictures, on which weights are tuned
LEVELS = bsd68.LEVELS
MASKS = {"half": 0.5, "text": None}
HELD_OUT = ("astronaut", "chelsea", "hubble")  # of the held-out photographs, those in colour
SETTINGS = {"factor": FACTOR, "tolerance": TOLERANCE, "crops": CROPS, "crop": CROP, "side": SIDE}


def tuning_crops() -> torch.Tensor:
    """Grey crops `(8, 1, 96, 96)` from the middle of every 25th training picture of BSDS."""
    chosen = list(data.bsds_training(shrink=1).values())[:: 200 // CROPS]
    middles = [[(n - CROP) // 2 for n in x.shape[2:]] for x in chosen]
    crops = [x[:, :, i : i + CROP, j : j + CROP] for x, (i, j) in zip(chosen, middles, strict=True)]
    return images.to_grey(torch.cat(crops))


def restored(prior: Prior, y: torch.Tensor, *, level: int, weight: float) -> torch.Tensor:
    """argmin of ||x - y||^2 / (2 sigma^2) + weight R(x)."""
    sigma = level / 255
    energy = GaussianLikelihood(Identity(), y, sigma=sigma) + weight * prior
    return minimise(energy, y, tolerance=TOLERANCE, steps=200, snapshots=False, progress=False).x


def tuned(score: Callable[[float], float], start: float) -> dict:
    """The weight at which `score` is highest: steps of `FACTOR` until the best has a neighbour on both sides."""
    found = {k: score(start * FACTOR**k) for k in (-1, 0, 1)}
    while (best := max(found, key=found.get)) in (min(found), max(found)):
        k = best - 1 if best == min(found) else best + 1
        found[k] = score(start * FACTOR**k)
    below, top, above = (found[best + d] for d in (-1, 0, 1))
    shift = (below - above) / (2 * (below - 2 * top + above))
    return {"weight": start * FACTOR ** (best + shift), "psnr": top - (below - above) * shift / 4}


def tuned_on_crops(prior: Prior, *, level: int, start: float) -> dict:
    """The weight of the highest mean PSNR on the crops, whatever BSD68 says."""
    x = tuning_crops()
    y = x + images.gaussian_noise(x, sigma=level / 255, seed=SEED)
    return tuned(lambda weight: float(psnr(restored(prior, y, level=level, weight=weight), x).mean()), start)


def fields() -> dict[str, Callable[[], FieldOfExperts]]:
    """The fields by name, made when they are needed."""
    made = {f"student-{seed}": lambda seed=seed: FieldOfExperts.trained(seed=seed) for seed in range(3)}
    return made | {"bsds-0": bsds_field}


def bsds_field() -> FieldOfExperts:
    """The same fit as that of "student-0" on the 200 training pictures of BSDS in their own size."""

    def fit(_: str) -> tuple[dict, dict]:
        pictures = [images.to_grey(x) for x in data.bsds_training(shrink=1).values()]
        field = fit_field(pictures, seed=0).field
        return {}, {"filters": field.filters, "weights": field.weights}

    stored = Parts("field_of_experts_bsds", SETTINGS).get("field", fit)[1]
    return FieldOfExperts(stored["filters"], stored["weights"])


def on_bsd68(name: str, prior: Prior, *, level: int, weight: float) -> dict:
    """Mean PSNR and each picture's, of the prior at that weight."""
    settings = SETTINGS | {"weight": float(f"{weight:.4g}")}

    def restore(y: torch.Tensor) -> torch.Tensor:
        return restored(prior, y, level=level, weight=settings["weight"])

    return {"weight": settings["weight"]} | bsd68.mean_psnr(name, restore, level=level, settings=settings)


def denoising(level: int, names: list[str]) -> dict:
    """The rows of one noise level."""
    rows, start = {}, {15: 0.55, 25: 0.3}[level]
    for name in names:
        prior = fields()[name]()
        key = f"{name}-{level}"
        law = Parts("field_of_experts_tuned", SETTINGS | {"sums": float(prior.weights.sum())})
        own, _ = law.get(key, lambda _, p=prior: (tuned_on_crops(p, level=level, start=start), {}))
        rows[name] = on_bsd68(name, prior, level=level, weight=own["weight"])
    return rows


def variation(level: int) -> dict:
    """Total variation at the weight that the crops say, and at the best one on BSD68 itself."""
    prior = TotalVariation(gap=1e-3)
    start = {15: 12.0, 25: 7.3}[level]
    own = tuned_on_crops(prior, level=level, start=start)
    best = tuned(lambda weight: on_bsd68("tv", prior, level=level, weight=weight)["psnr"], own["weight"])
    return {
        "tv_tuned": on_bsd68("tv", prior, level=level, weight=own["weight"]),
        "tv_best": on_bsd68("tv", prior, level=level, weight=best["weight"]),
    }


def classical(level: int) -> dict:
    """BM3D, which is told the level."""
    return {"bm3d": bsd68.mean_psnr("bm3d", lambda y: bm3d(y, level / 255), level=level)}


def holes(picture: str, mask: str) -> dict:
    """Pixels lost without noise, 128 x 128 in grey: the field and total variation, each at its best weight."""
    x = images.photograph(picture, size=128, grey=True)
    keep = MASKS[mask]
    known = images.text_mask(x) if keep is None else images.random_mask(x, keep=keep, seed=SEED)
    A, sigma = Mask(known), 2 / 255
    y = A(x)
    energy = GaussianLikelihood(A, y, sigma=sigma)
    first = known * y + (1 - known) * y.sum() / known.sum()

    def score(prior: Prior, weight: float) -> float:
        options = {"solver": "admm", "steps": 200} if isinstance(prior, TotalVariation) else {"tolerance": TOLERANCE}
        trace = minimise(energy + weight * prior, first, snapshots=False, progress=False, **options)
        return float(psnr(known * y + (1 - known) * trace.x, x))

    field, tv = FieldOfExperts.trained(), TotalVariation()
    return {
        "field": tuned(lambda weight: score(field, weight), 0.5),
        "tv": tuned(lambda weight: score(tv, weight), 20.0),
    }


def colour(picture: str, level: int) -> dict:
    """A held-out photograph of 128 x 128 in colour: the field at its calibrated weight, joint variation at its best."""
    x, sigma = images.photograph(picture, size=128), level / 255
    y = x + images.gaussian_noise(x, sigma=sigma, seed=SEED)
    energy = GaussianLikelihood(Identity(), y, sigma=sigma) + FieldOfExperts.trained().calibrated(sigma)
    found = minimise(energy, y, tolerance=TOLERANCE, snapshots=False, progress=False).x
    return {"field": float(psnr(found, x)), "tv": best_variation(x, y, sigma=sigma, count=9)}


def main() -> None:
    """Make all rows, or those still missing, and write the record `field_of_experts`."""
    torch.set_num_threads(1)
    rows = {}
    for level in LEVELS[::-1]:
        names = [name for name in fields() if level == max(LEVELS) or name.startswith("student")]
        rows[str(level)] = denoising(level, names) | variation(level) | classical(level)
    parts = Parts("field_of_experts_rest", SETTINGS)
    cases = {f"{p}/{m}": (p, m) for p in HELD_OUT for m in MASKS}
    lost = {key: parts.get(f"holes {key}", lambda _, c=case: (holes(*c), {}))[0] for key, case in cases.items()}
    cases = {f"{p}/{max(LEVELS)}": (p, max(LEVELS)) for p in HELD_OUT}
    seen = {key: parts.get(f"colour {key}", lambda _, c=case: (colour(*c), {}))[0] for key, case in cases.items()}
    means = {level: {name: row["psnr"] for name, row in own.items()} for level, own in rows.items()}
    student = {level: float(np.mean([own[f"student-{s}"] for s in range(3)])) for level, own in means.items()}
    save_record(
        "field_of_experts",
        rounded({**SETTINGS, "denoising": rows, "means": means, "holes": lost, "colour": seen}),
        command="make records NAME=field_of_experts",
        data="BSD68; BSDS500's training pictures to tune weights, and to learn one field from; "
        + ", ".join(HELD_OUT)
        + " of scikit-image",
        licence=bsd68.LICENCE,
        seeds=[0, 1, 2],
        metric="mean PSNR on BSD68: "
        + "; ".join(
            f"at {level} field {student[level]:.2f}, total variation {own['tv_best']:.2f}, BM3D {own['bm3d']:.2f} dB"
            for level, own in means.items()
            if math.isfinite(student[level])
        ),
    )
