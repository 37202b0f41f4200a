"""Chapter 19's test at a real network: relu3_3 of VGG16, priors on its maps beside the best prior of pictures.

As in `feature_map_priors`, with pictures of 36 x 36 and fewer priors: each method has nine settings on the same three
photographs at 60 steps; ten others are reported, three seeds. Searches start where the linear translation of the map
to `vgg_mini` and its inverse network lead, with a little noise.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.measures.perceptual import distance
from scripts.making.feature_maps import network
from scripts.making.map_inversion import LEARNT, SIDES, TESTED, TUNED, image_priors, learn, phi, sets, solve, start
from scripts.making.map_tuning import Terms, tune
from scripts.making.resumable import Parts, rounded

NAME, BESIDE = "vgg16", "field of experts"  # the prior of pictures that was best at vgg_mini
BUDGET, STEPS, SEEDS = 9, 60, [0, 1, 2]
FIRST, SECOND = [0.001, 0.003, 0.01, 0.03, 0.1], [0.001, 0.01, 0.1]  # weights of priors of pictures and of maps
ON_MAPS = ["relu1_2/Gaussian"]
SETTINGS = {
    "network": NAME,
    "beside": BESIDE,
    "budget": BUDGET,
    "steps": STEPS,
    "seeds": SEEDS,
    "first": FIRST,
    "second": SECOND,
    "on_maps": ON_MAPS,
    "sizes": [SIDES[NAME], LEARNT, TUNED, TESTED],
}
PARTS = Parts("feature_map_networks", SETTINGS)


def reported(terms: Terms) -> dict:
    """The photographs to report: a list of numbers for each seed, one a picture."""
    x, found = sets(NAME)["tested"], {"start": [], "psnr": [], "distance": [], "error": []}
    with torch.no_grad():
        error = RepresentationError(phi(NAME), phi(NAME)(x))
    for seed in SEEDS:
        begin = start(x, seed=seed, name=NAME)
        at = solve(x, terms, begin, steps=STEPS, name=NAME)
        with torch.no_grad():
            far = distance(at, x, network=network("squeezenet1_1"), layers=("fire4",))
            own = {"start": psnr(begin, x), "psnr": psnr(at, x), "distance": far, "error": error(at)}
        for what, values in own.items():
            found[what].append(values.tolist())
    return found


def image_part(key: str) -> tuple[dict, dict]:
    """The prior of pictures alone, or nothing."""
    if key == "none":
        return {"test": reported([])}, {}
    prior = image_priors(NAME)[key]
    choice = tune(lambda a, b: [(a, prior)], FIRST, [0.0], budget=BUDGET, steps=STEPS, name=NAME)
    return {"tried": choice.tried, "best": choice.best, "test": reported([(choice.best[0], prior)])}, {}


def map_part(key: str) -> tuple[dict, dict]:
    """A prior on maps beside that of pictures: "LAYER/KIND"."""
    layer, kind = key.split("/")
    weight, beside = PARTS.get(BESIDE, image_part)[0]["best"][0], image_priors(NAME)[BESIDE]
    prior = learn(kind, layer, [], name=NAME)

    def terms(a: torch.Tensor, b: torch.Tensor) -> Terms:
        return [(a, beside), (b, prior)]

    choice = tune(terms, [weight / 3, weight], SECOND, budget=BUDGET, steps=STEPS, name=NAME)
    return {"tried": choice.tried, "best": choice.best, "test": reported(terms(*choice.best[:2]))}, {}


def main() -> None:
    """Make what is missing and write the record `feature_map_networks`."""
    torch.set_num_threads(1)
    parts = PARTS.all(["none", BESIDE], image_part) | PARTS.all(ON_MAPS, map_part)
    found = {key: own[0] for key, own in parts.items()}
    means = {key: sum(map(sum, own["test"]["psnr"])) / TESTED / len(SEEDS) for key, own in found.items()}
    save_record(
        "feature_map_networks",
        rounded({**SETTINGS, "found": found}),
        command="DEEPRESTORE_DATA=... make records NAME=feature_map_networks",
        data="photographs of BSDS500's training set at half size; VGG16 and SqueezeNet of the local tier",
        licence="non-commercial research and education; what is shipped are numbers",
        seeds=SEEDS,
        metric="PSNR at relu3_3 of VGG16: " + ", ".join(f"{key} {mean:.2f}" for key, mean in means.items()) + " dB",
    )
