"""Pre-images of one photograph from layers of `vgg_mini`, as they stand after 10 to 1000 steps of L-BFGS.

The runs of chapter 9: three starts without a prior, total variation and the alpha-norm at three weights, and the two
priors of Mahendran & Vedaldi (2016) together. What a run of 30 steps shows is partly the solver's; this says how much.
"""

from __future__ import annotations

import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.priors import AlphaNorm, PoweredVariation, TotalVariation
from scripts.making.recorded import START, TYPICAL_STEP, grey_start, searched, strip
from scripts.making.resumable import Parts, rounded

LAYERS = ["relu1_2", "relu2_2", "relu3_3", "mini4_1"]
PICTURE, SIZE, SMOOTHING = "astronaut", 96, 0.01
SHOWN = [10, 30, 100, 300, 1000]  # steps
TV, ALPHA, BOTH = "total variation", "alpha-norm", "alpha-norm and squared variation"
RUNS = [("no prior", 0.0, seed) for seed in range(3)]
RUNS += [(prior, weight, 0) for prior in (TV, ALPHA) for weight in (0.003, 0.01, 0.05)] + [(BOTH, 0.003, 0)]
SETTINGS = {
    "picture": PICTURE,
    "size": SIZE,
    "smoothing": SMOOTHING,
    "start": START,
    "layers": LAYERS,
    "steps": SHOWN,
    "runs": [list(run) for run in RUNS],
}
PARTS = Parts("preimage_steps", SETTINGS)


def run(layer: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """All runs of one layer as a batch, and what they were at the steps that are shown."""
    x = images.photograph(PICTURE, size=SIZE)
    phi = backbones.load("vgg_mini", "embedded").at(layer)
    error = RepresentationError(phi, phi(x))

    def weights(prior: str) -> torch.Tensor:
        return torch.tensor([weight if own == prior else 0.0 for own, weight, _ in RUNS]) / SIZE**2

    energy = (
        error
        + weights(TV) * (TotalVariation(smoothing=SMOOTHING) / TYPICAL_STEP)
        + (weights(ALPHA) + weights(BOTH)) * AlphaNorm()
        + weights(BOTH) * PoweredVariation(scale=TYPICAL_STEP)
    )
    shown = searched(energy, torch.cat([grey_start(SIZE, seed=seed) for _, _, seed in RUNS]), SHOWN)
    with torch.no_grad():
        errors = [error(at).tolist() for at in shown]
        energies = [energy(at).tolist() for at in shown]
    scores = [psnr(at, x.expand_as(at)).tolist() for at in shown]
    apart = [[float((at[i] - at[j]).square().mean().sqrt()) for i, j in ((0, 1), (0, 2), (1, 2))] for at in shown]
    numbers = {"error": errors, "energy": energies, "psnr": scores, "apart": apart}
    return numbers, {"shown": torch.stack(shown)}  # (steps, runs, 3, H, W)


def main() -> None:
    """Make what is missing and write the record with its pictures: for each layer a strip for each number of steps."""
    parts = PARTS.all(LAYERS, run)
    numbers = {layer: own for layer, (own, _) in parts.items()}
    strips = {
        f"{layer}-{steps}.webp": strip(255 * own["shown"][place])
        for layer, (_, own) in parts.items()
        for place, steps in enumerate(SHOWN)
    }
    save_record(
        "preimage_steps",
        rounded({**SETTINGS, "layers": numbers}),
        command="make records NAME=preimage_steps",
        data="the astronaut of scikit-image; vgg_mini, this project's",
        licence="public domain (NASA) for the picture; what is shown are its pre-images",
        seeds=[0, 1, 2],
        metric=", ".join(
            f"{layer} {own['psnr'][1][3]:.1f} dB after 30 steps and {own['psnr'][-1][3]:.1f} after 1000"
            for layer, own in numbers.items()
        )
        + " (PSNR with total variation 0.003)",
        pictures=strips,
    )
