"""Chapter 19's test at a real network: relu3_3 of VGG16, priors on its maps beside the best prior of pictures.

As in `feature_map_priors`, with pictures of 36 x 36 and fewer priors: each method has nine settings on the same three
photographs, here at 100 steps; ten others are reported, at 100 steps and at 300. Searches start where the linear
translation of the map to `vgg_mini` and its inverse network lead, with a little noise.
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
BUDGET, STEPS, LONG, POOL_STEPS = 9, 100, 300, 60
FIRST, SECOND = [0.001, 0.003, 0.01, 0.03, 0.1], [0.001, 0.01, 0.1]  # weights of priors of pictures and of maps
ON_MAPS = ["relu1_2/Gaussian", "relu1_2/log ratio"]
SETTINGS = {
    "network": NAME,
    "beside": BESIDE,
    "budget": BUDGET,
    "steps": STEPS,
    "long": LONG,
    "pool_steps": POOL_STEPS,
    "first": FIRST,
    "second": SECOND,
    "on_maps": ON_MAPS,
    "sizes": [SIDES[NAME], LEARNT, TUNED, TESTED],
}
PARTS = Parts("feature_map_networks", SETTINGS)


def reported(terms: Terms) -> dict:
    """The photographs to report at both numbers of steps, a number each picture."""
    x, found = sets(NAME)["tested"], {}
    at = start(x, seed=0, name=NAME)
    error = RepresentationError(phi(NAME), phi(NAME)(x))
    found["start"] = {"psnr": psnr(at, x).tolist()}
    for steps, more in ((STEPS, STEPS), (LONG, LONG - STEPS)):
        at = solve(x, terms, at, steps=more, name=NAME)
        with torch.no_grad():
            far = distance(at, x, network=network("squeezenet1_1"), layers=("fire4",))
            found[str(steps)] = {"psnr": psnr(at, x).tolist(), "distance": far.tolist(), "error": error(at).tolist()}
    return found


def image_part(key: str) -> tuple[dict, dict]:
    """The prior of pictures alone, or nothing."""
    if key == "none":
        return {"test": reported([])}, {}
    prior = image_priors(NAME)[key]
    choice = tune(lambda a, b: [(a, prior)], FIRST, [0.0], budget=BUDGET, steps=STEPS, name=NAME)
    return {"tried": choice.tried, "best": choice.best, "test": reported([(choice.best[0], prior)])}, {}


def pool_part(_key: str) -> tuple[dict, dict]:
    """Pre-images of the photographs learned from, with the prior of pictures and without, for the classifier."""
    x, weight = sets(NAME)["learnt"], PARTS.get(BESIDE, image_part)[0]["best"][0]
    terms = {"prior": [(weight, image_priors(NAME)[BESIDE])], "none": []}
    begin = start(x, seed=10, name=NAME)
    return {}, {own: solve(x, each, begin, steps=POOL_STEPS, name=NAME) for own, each in terms.items()}


def map_part(key: str) -> tuple[dict, dict]:
    """A prior on maps beside that of pictures: "LAYER/KIND"."""
    layer, kind = key.split("/")
    weight, beside = PARTS.get(BESIDE, image_part)[0]["best"][0], image_priors(NAME)[BESIDE]
    pool = list(PARTS.get("pool", pool_part)[1].values()) if kind == "log ratio" else []
    prior = learn(kind, layer, pool, name=NAME)

    def terms(a: torch.Tensor, b: torch.Tensor) -> Terms:
        return [(a, beside), (b, prior)]

    choice = tune(terms, [weight / 3, weight], SECOND, budget=BUDGET, steps=STEPS, name=NAME)
    return {"tried": choice.tried, "best": choice.best, "test": reported(terms(*choice.best[:2]))}, {}


def main() -> None:
    """Make what is missing and write the record `feature_map_networks`."""
    torch.set_num_threads(1)
    parts = PARTS.all(["none", BESIDE], image_part) | PARTS.all(ON_MAPS, map_part)
    found = {key: own[0] for key, own in parts.items()}
    means = {key: sum(own["test"][str(LONG)]["psnr"]) / TESTED for key, own in found.items()}
    save_record(
        "feature_map_networks",
        rounded({**SETTINGS, "found": found}),
        command="DEEPRESTORE_DATA=... make records NAME=feature_map_networks",
        data="photographs of BSDS500's training set at half size; VGG16 and SqueezeNet of the local tier",
        licence="non-commercial research and education; what is shipped are numbers",
        seeds=[0],
        metric="PSNR at relu3_3 of VGG16: " + ", ".join(f"{key} {mean:.2f}" for key, mean in means.items()) + " dB",
    )
