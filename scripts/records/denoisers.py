"""Denoisers against kinds of damage, on five photographs of 128 x 128 that nothing was fitted or tuned on.

The baselines have their one setting tuned for each kind of damage on the five training photographs, by mean PSNR; the
linear filter is fitted on them. Nobody is told where pixels were hit, but for the row that says so; another takes every
pixel that is exactly black (or white, for salt and pepper) for one that was hit. The networks are
those of the artifact `denoisers`, each on every kind of damage. PSNR is that of the values as they come out, SSIM after
clipping; both are means over photographs and seeds of the damage.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.baselines import METHODS, fill, fit_linear_filter, stabilised_frame, total_variation, tune, unlike
from deeprestore_lab.baselines.informed import FILL_WEIGHT
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.images.corruptions import CORRUPTIONS, corrupt
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import denoiser
from deeprestore_lab.networks.denoisers import DENOISERS
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import TotalVariation
from scripts.making.recorded import mean_scores
from scripts.making.resumable import Parts, rounded

SIZE, TUNING_SEED, SEEDS, TAPS = 128, 0, (1, 2, 3), 9
KINDS = tuple(CORRUPTIONS)
SIGMAS = (5, 10, 15, 20, 25, 30, 40, 50, 75)  # over 255, for the network that was trained at 25
OWN_WEIGHTS = {"poisson": torch.logspace(0.6, 1.4, 9).tolist(), "salt_and_pepper": [0.8, 0.9, 1.0, 1.1, 1.2, 1.4]}
ROOT_THRESHOLDS = torch.linspace(2.0, 3.6, 9).tolist()
MARKS = {"blocks": (0,), "salt_and_pepper": (0, 1)}  # values of pixels that are taken for hit
SETTINGS = {
    "size": SIZE,
    "tuned_on": list(images.TRAINING_PHOTOGRAPHS),
    "judged_on": list(images.HELD_OUT_PHOTOGRAPHS),
    "tuning_seed": TUNING_SEED,
    "seeds": list(SEEDS),
    "taps": TAPS,
    "levels": {kind: corruption.level for kind, corruption in CORRUPTIONS.items()},
}
X_TUNED, X = (images.photographs(SETTINGS[key], size=SIZE) for key in ("tuned_on", "judged_on"))
OWN, KNOWN = "total variation, data term of the noise", "total variation, told which pixels"
MARKED, ROOT = "total variation, fills exact black or white", "thresholded frame, after a square root"


def own_data_term(y: torch.Tensor, kind: str, weight: float) -> torch.Tensor:
    """Total variation with the likelihood of Poisson noise, or with absolute differences for salt and pepper."""
    if kind == "poisson":
        likelihood = PoissonLikelihood(Identity(), y, peak=CORRUPTIONS[kind].level)
    else:
        likelihood = LaplaceLikelihood(Identity(), y, scale=1.0)
    energy = likelihood + weight * TotalVariation()
    return minimise(energy, y, solver="admm", steps=200, snapshots=False, progress=False).x


def tuned_weight(restore, weights, kind: str) -> float:
    """The weight with the best mean PSNR on the photographs to tune on."""
    y = corrupt(X_TUNED, kind, seed=TUNING_SEED)
    return max(weights, key=lambda weight: float(psnr(restore(y, weight), X_TUNED).mean()))


def scores(restore, kind: str, *, level: float | None = None) -> dict:
    """PSNR and SSIM of restore(y, x), means, and the PSNR of each photograph at the first seed."""
    return mean_scores(lambda y: restore(y, X), X, [corrupt(X, kind, seed=seed, level=level) for seed in SEEDS])


def baselines(kind: str) -> tuple[dict, dict]:
    """All rows without a network for one kind of damage."""
    y = corrupt(X_TUNED, kind, seed=TUNING_SEED)
    fitted = fit_linear_filter(y, X_TUNED, size=TAPS)
    rows = {"none": scores(lambda y, x: y, kind), "linear filter, fitted": scores(lambda y, x: fitted(y), kind)}
    for name, method in METHODS.items():
        value = tune(name, y, X_TUNED).value
        rows[name] = scores(lambda y, x, m=method, v=value: m.apply(y, v), kind) | {"setting": value}
    if kind in OWN_WEIGHTS:
        value = tuned_weight(lambda y, weight: own_data_term(y, kind, weight), OWN_WEIGHTS[kind], kind)
        rows[OWN] = scores(lambda y, x: own_data_term(y, kind, value), kind) | {"setting": value}
    if kind == "poisson":
        peak = CORRUPTIONS[kind].level
        value = tuned_weight(lambda y, t: stabilised_frame(y, t, peak=peak), ROOT_THRESHOLDS, kind)
        rows[ROOT] = scores(lambda y, x: stabilised_frame(y, value, peak=peak), kind) | {"setting": value}
    if kind in MARKS:
        rows[KNOWN] = scores(lambda y, x: fill(y, (y == x).all(1, keepdim=True).to(y)), kind)
        rows[MARKED] = scores(lambda y, x: fill(y, unlike(y, MARKS[kind])), kind)
    return rows, {}


def other_levels() -> dict:
    """Gaussian noise of other levels: the network trained at 25, and total variation tuned at 25 and at each level."""
    weights = {}
    for sigma in SIGMAS:
        weights[sigma] = tune("total variation", corrupt(X_TUNED, "gaussian", seed=0, level=sigma / 255), X_TUNED).value
    network = denoiser("gaussian")
    methods = {
        "none": lambda y, x, sigma: y,
        "network trained at 25": lambda y, x, sigma: network(y),
        "total variation tuned at 25": lambda y, x, sigma: total_variation(y, weights[25]),
        "total variation tuned at each level": lambda y, x, sigma: total_variation(y, weights[sigma]),
    }
    return {
        name: [scores(lambda y, x, s=s, m=m: m(y, x, s), "gaussian", level=s / 255)["psnr"] for s in SIGMAS]
        for name, m in methods.items()
    }


def main() -> None:
    """Make the rows, or those still missing, and write the record `denoisers`."""
    lists = {"own": OWN_WEIGHTS, "root": ROOT_THRESHOLDS, "fill": FILL_WEIGHT, "marks": MARKS}
    lists |= {name: list(method.values) for name, method in METHODS.items()}
    rows = {
        kind: part for kind, (part, _) in Parts("denoisers_rows", SETTINGS | lists).all(list(KINDS), baselines).items()
    }
    networks = {}
    for name in DENOISERS:
        network = denoiser(name)
        networks[name] = {kind: scores(lambda y, x, net=network: net(y), kind) for kind in KINDS}
    content = {
        **SETTINGS,
        "baselines": rows,
        "networks": networks,
        "sigmas": list(SIGMAS),
        "levels_away": other_levels(),
    }
    best = {kind: max((row["psnr"], name) for name, row in rows[kind].items() if name != KNOWN) for kind in KINDS}
    leads = ", ".join(f"{kind} {networks[kind][kind]['psnr'] - best[kind][0]:+.2f} ({best[kind][1]})" for kind in KINDS)
    save_record(
        "denoisers",
        rounded(content),
        command="make records NAME=denoisers",
        data="photographs embedded in scikit-image and scikit-learn: " + ", ".join(images.HELD_OUT_PHOTOGRAPHS),
        licence="as stated by the packages for each picture; the record holds numbers only",
        seeds=[TUNING_SEED, *SEEDS],
        metric=f"lead in dB of the network trained on a damage over the best baseline not told more than it: {leads}",
    )
