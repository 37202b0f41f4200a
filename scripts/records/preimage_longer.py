"""Pre-images of VGG16, SqueezeNet and GoogLeNet at five times the steps, and VGG16's relu3_3 as a layer left out.

The pictures, starts, priors and solver are those of the record preimage_networks; here all ten pictures go on from 300
to 1500 steps at its weights. VGG16's relu3_3 is not among the layers that the law of `priors.representation_weight`
was fitted to: eight weights are tried on the three tuning pictures, and the record says what the law's weight loses.
At the layers of `WIDENED` the best weight of a prior was the largest of its eight: both priors get larger ones, four
more each, and the runs have the best of twelve.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.artifacts import load_record, save_record
from deeprestore_lab.measures.feature_noise import layer_noise
from deeprestore_lab.measures.metrics import psnr
from scripts.making import inversion
from scripts.making.recorded import searched
from scripts.making.resumable import Parts, recorded, rounded
from scripts.making.translated_start import translated_start
from scripts.making.weight_law import losses, weight_at
from scripts.records import preimage_networks as once

STEPS, NEW = [300, 1500], "vgg16/relu3_3"
LAYERS = ["googlenet/conv2", "googlenet/inception_3b", "squeezenet1_1/fire3", "squeezenet1_1/fire5"]
LAYERS += ["vgg16/relu2_2", NEW]
WIDENED = ["googlenet/inception_3b", "squeezenet1_1/fire5"]
SETTINGS = {"size": once.SIZE, "steps": STEPS, "layers": LAYERS, "new": NEW, "widened": WIDENED}
PARTS = Parts("preimage_longer", SETTINGS)


def tune(key: str) -> tuple[dict, dict]:
    """At "tune NETWORK/LAYER/PRIOR" four weights more than the grid of `NEW` or the eight at a layer of `WIDENED`."""
    at, name = key.removeprefix("tune ").rsplit("/", 1)
    if at == NEW:
        weights = list(once.WEIGHTS)
        scores = once.scores_at(at, name, weights)
    else:
        own = load_record("preimage_networks")["tune"][f"{at}/{name}"]
        weights, scores = own["weights"], own["psnr"]
    for _ in range(2):
        new = once.more_weights(weights, [sum(row) for row in scores])
        weights, scores = weights + new, scores + once.scores_at(at, name, new)
    return {"weights": weights, "psnr": scores, "best": max(range(len(weights)), key=lambda i: sum(scores[i]))}, {}


def tuned() -> dict[str, dict]:
    """The weights tried here, with the PSNR of the tuning pictures at each, by "NETWORK/LAYER/PRIOR"."""
    known = recorded("preimage_longer", SETTINGS).get("tune", {})
    keys = [f"{at}/{name}" for at in (NEW, *WIDENED) for name in once.PRIORS]
    made = PARTS.all([f"tune {key}" for key in keys], tune, known={f"tune {key}": own for key, own in known.items()})
    return {key: made[f"tune {key}"][0] for key in keys}


def weights_of(tables: dict[str, dict]) -> dict[str, float]:
    """The best weight of each prior at each layer: of the tables tried here, else of the record preimage_networks."""
    every = load_record("preimage_networks")["tune"] | tables
    keys = [f"{at}/{name}" for at in LAYERS for name in once.PRIORS]
    return {key: once.best_weight(every[key]) for key in keys}


def run(key: str, weight: float) -> tuple[dict, dict]:
    """PSNR and error of the ten pictures after each of `STEPS`, at "NETWORK/LAYER/PRIOR"; weight 0 is no prior."""
    at, name = key.rsplit("/", 1)
    x = inversion.judged_pictures(once.SIZE)
    error = once.error_of(at, x)
    energy = error + weight * inversion.prior(name, once.SIZE) if weight else error
    found = searched(energy, translated_start(at, x), STEPS)
    with torch.no_grad():
        errors = [error(own).tolist() for own in found]
    return {"weight": weight, "psnr": [psnr(own, x).tolist() for own in found], "error": errors}, {}


def by_law(table: dict, noise: float) -> dict:
    """The law's weight at the new layer and what it loses there against the best that was tried."""
    law, own = load_record("preimage_networks")["law"], once.curve(table, noise)
    weight = weight_at(own, law["coefficient"], law["exponent"])
    return {"weight": float(weight), "loss": float(losses(own, weight))}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    tables = tuned()
    weights = {f"{at}/{once.NONE}": 0.0 for at in LAYERS} | weights_of(tables)
    known = recorded("preimage_longer", SETTINGS).get("runs", {})
    known = {key: own for key, own in known.items() if own["weight"] == rounded(weights[key])}
    keys = [f"{at}/{name}" for at in LAYERS for name in (once.NONE, *once.PRIORS)]
    runs = PARTS.all(keys, lambda key: run(key, weights[key]), known=known)
    noise = layer_noise(once.phi_of(NEW), inversion.natural_pictures(size=once.SIZE), sigma=once.LEVEL)
    laws = {name: by_law(tables[f"{NEW}/{name}"], noise) for name in once.PRIORS}
    x = inversion.judged_pictures(once.SIZE)
    numbers = {
        "start": {at: psnr(translated_start(at, x), x).tolist() for at in LAYERS},
        "runs": {key: own for key, (own, _) in runs.items()},
        "tune": tables,
        "noise": noise,
        "law": laws,
    }
    save_record(
        "preimage_longer",
        rounded(SETTINGS | numbers),
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
