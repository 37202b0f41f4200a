"""Pre-images of one photograph from layers of real networks: three priors, and three starts without one.

VGG16 as far as the local weights go, two layers of GoogLeNet and two of SqueezeNet. The equation is that of the
chapter: the representation error plus a weight times total variation, or times the alpha-norm and the squared
variation of Mahendran & Vedaldi (2016), in their units. L-BFGS, pixels within [0, 1], a start of grey with a little
noise.
"""

from __future__ import annotations

import torch

from deeprestore_lab import backbones, images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import AlphaNorm, PoweredVariation, TotalVariation
from scripts.making.recorded import START, TYPICAL_STEP, grey_start, strip
from scripts.making.resumable import Parts, rounded

LAYERS = [
    "vgg16/relu1_2",
    "vgg16/relu2_2",
    "vgg16/relu3_1",
    "vgg16/relu3_3",
    "squeezenet1_1/fire4",
    "squeezenet1_1/fire8",
    "googlenet/inception_3b",
    "googlenet/inception_4c",
]
PICTURE, SIZE, SMOOTHING = "astronaut", 112, 0.01
STEPS, FEW = 300, 60  # what is shown, and how much earlier the numbers are taken too
WEIGHT = {"vgg16": 0.01, "others": 0.03}  # the deeper layers of the others need more
SHOWN = ["no prior", "total variation", "alpha-norm and squared variation"]
RUNS = [("no prior", 0), ("no prior", 1), ("no prior", 2), (SHOWN[1], 0), (SHOWN[2], 0)]  # prior and seed
SETTINGS = {
    "picture": PICTURE,
    "size": SIZE,
    "steps": STEPS,
    "few_steps": FEW,
    "weight": WEIGHT,
    "smoothing": SMOOTHING,
    "start": START,
    "layers": LAYERS,
    "shown": SHOWN,
    "runs": [list(run) for run in RUNS],
}
PARTS = Parts("preimages", SETTINGS)


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """All runs of one layer as a batch: what the equation ends with, and where it was after FEW steps."""
    network, layer = key.split("/")
    kind = network if network in WEIGHT else "others"
    x = images.photograph(PICTURE, size=SIZE)
    phi = backbones.representation(network, layer)
    error = RepresentationError(phi, phi(x))

    def weights(prior: str) -> torch.Tensor:
        return torch.tensor([WEIGHT[kind] if own == prior else 0.0 for own, _ in RUNS]) / SIZE**2

    energy = (
        error
        + weights(SHOWN[1]) * (TotalVariation(smoothing=SMOOTHING) / TYPICAL_STEP)
        + weights(SHOWN[2]) * (AlphaNorm() + PoweredVariation(scale=TYPICAL_STEP))
    )
    starts = torch.cat([grey_start(SIZE, seed=seed) for _, seed in RUNS])
    trace = minimise(
        energy,
        Pixels(starts, bounds=(0, 1)),
        solver="lbfgs",
        steps=STEPS,
        tolerance=1e-5,
        reference=x,
        snapshots=False,
        progress=False,
    )
    with torch.no_grad():
        final = error(trace.x)
    errors, few = trace.terms[error.name], min(FEW, len(trace.energy) - 1)
    same = trace.x[:3]  # the runs that differ in their start alone
    apart = [float((same[i] - same[j]).square().mean().sqrt()) for i, j in ((0, 1), (0, 2), (1, 2))]
    numbers = {
        "values": phi(x).numel(),
        "error": final.tolist(),
        "psnr": psnr(trace.x, x.expand_as(trace.x)).tolist(),
        "few": {"error": errors[few].tolist(), "psnr": trace.psnr[few].tolist()},
        "apart": apart,
    }
    return numbers, {"shown": trace.x[[0, 3, 4]]}


def main() -> None:
    """Make what is missing and write the record `preimages` with its pictures, a strip for each layer."""
    parts = PARTS.all(LAYERS, run)
    numbers = {key: own for key, (own, _) in parts.items()}
    strips = {key.replace("/", "-") + ".webp": strip(255 * own["shown"]) for key, (_, own) in parts.items()}
    save_record(
        "preimages",
        rounded({**SETTINGS, "layers": numbers}),
        command="DEEPRESTORE_DATA=... make records NAME=preimages",
        data="the astronaut of scikit-image; VGG16, SqueezeNet and GoogLeNet of the local tier",
        licence="public domain (NASA) for the picture; what is shown are its pre-images",
        seeds=[0, 1, 2],
        metric=", ".join(f"{key} {own['error'][0]:.3f} and {own['psnr'][0]:.1f} dB" for key, own in numbers.items())
        + " (representation error over that of zeros and PSNR, without a prior)",
        pictures=strips,
    )
