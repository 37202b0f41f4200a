"""Pre-images of VGG16, SqueezeNet and GoogLeNet at five times the steps, and VGG16's relu3_3 as a layer left out.

The pictures, starts, priors and solver are those of the record preimage_networks; here all ten pictures go on from 300
to 1500 steps at its weights. VGG16's relu3_3 is not among the layers that the law of `priors.representation_weight`
was fitted to: eight weights are tried on the three tuning pictures, and the record says what the law's weight loses.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.artifacts import load_record, save_record
from deeprestore_lab.measures.feature_noise import layer_noise
from deeprestore_lab.measures.metrics import psnr
from scripts.making import inversion
from scripts.making.recorded import searched
from scripts.making.resumable import Parts, rounded
from scripts.making.translated_start import translated_start
from scripts.making.weight_law import losses, weight_at
from scripts.records import preimage_networks as once

STEPS, NEW = [300, 1500], "vgg16/relu3_3"
LAYERS = ["googlenet/conv2", "googlenet/inception_3b", "squeezenet1_1/fire3", "squeezenet1_1/fire5"]
LAYERS += ["vgg16/relu2_2", NEW]
SETTINGS = {"size": once.SIZE, "steps": STEPS, "layers": LAYERS, "new": NEW}
PARTS = Parts("preimage_longer", SETTINGS)


def tuned(name: str) -> dict:
    """The weights of a prior tried at the new layer, with the PSNR of the tuning pictures at each."""

    def make(key: str) -> tuple[dict, dict]:
        weights = list(once.WEIGHTS)
        scores = once.scores_at(NEW, name, weights)
        for _ in range(2):
            new = once.more_weights(weights, [sum(row) for row in scores])
            weights, scores = weights + new, scores + once.scores_at(NEW, name, new)
        return {"weights": weights, "psnr": scores, "best": max(range(len(weights)), key=lambda i: sum(scores[i]))}, {}

    return PARTS.get(f"tune {name}", make)[0]


def weight_of(at: str, name: str) -> float:
    own = tuned(name) if at == NEW else load_record("preimage_networks")["tune"][f"{at}/{name}"]
    return own["weights"][own["best"]]


def run(key: str) -> tuple[dict, dict]:
    """PSNR and error of the ten pictures after each of `STEPS`, at "NETWORK/LAYER/PRIOR"."""
    at, name = key.rsplit("/", 1)
    x = inversion.judged_pictures(once.SIZE)
    error = once.error_of(at, x)
    energy = error if name == once.NONE else error + weight_of(at, name) * inversion.prior(name, once.SIZE)
    found = searched(energy, translated_start(at, x), STEPS)
    with torch.no_grad():
        return {"psnr": [psnr(own, x).tolist() for own in found], "error": [error(own).tolist() for own in found]}, {}


def by_law(name: str, noise: float) -> dict:
    """The law's weight at the new layer and what it loses there against the best that was tried."""
    law, own = load_record("preimage_networks")["law"], once.curve(tuned(name), noise)
    weight = weight_at(own, law["coefficient"], law["exponent"])
    return {"weight": float(weight), "loss": float(losses(own, weight))}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    keys = [f"{at}/{name}" for at in LAYERS for name in (once.NONE, *once.PRIORS)]
    runs = {key: numbers for key, (numbers, _) in PARTS.all(keys, run).items()}
    noise = layer_noise(once.phi_of(NEW), inversion.natural_pictures(size=once.SIZE), sigma=once.LEVEL)
    laws = {name: by_law(name, noise) for name in once.PRIORS}
    save_record(
        "preimage_longer",
        rounded(
            SETTINGS | {"runs": runs, "tune": {name: tuned(name) for name in once.PRIORS}, "noise": noise, "law": laws}
        ),
        command="DEEPRESTORE_DATA=... make records NAME=preimage_longer",
        data="tuned on three free photographs; judged on ten of Set5 and Set14, units from BSDS (local); "
        "VGG16, SqueezeNet and GoogLeNet of the local tier",
        licence="numbers alone of Set5, Set14 and BSDS",
        seeds=[0],
        metric=f"the law at {NEW} loses "
        + " and ".join(f"{own['loss']:.2f} dB ({name})" for name, own in laws.items()),
    )


if __name__ == "__main__":
    main()
