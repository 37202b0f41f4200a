"""Do priors on a network's maps help to invert it? vgg_mini's relu3_3, 48 x 48, against image priors tuned alike.

Every method has the same number of settings on the same three photographs; ten others are reported. Searches start at
the inverse network's answer with a little noise, the best start known, and some again at grey. The photographs are
those of BSDS's training set at half size (local tier, DEEPRESTORE_DATA).
"""

from __future__ import annotations

import math

import torch

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import Energy, RepresentationError
from deeprestore_lab.measures.feature_statistics import group_nats, patch_rows
from deeprestore_lab.measures.metrics import psnr, ssim
from deeprestore_lab.measures.perceptual import distance
from deeprestore_lab.operators import Blur, ChannelScale
from deeprestore_lab.signal.kernels import gaussian_kernel
from deeprestore_lab.training.score_matching import fit_map_field, map_denoising_loss
from scripts.making.feature_maps import network
from scripts.making.map_inversion import (
    KINDS,
    LAYERS,
    LEARNT,
    LONGER,
    SIDE,
    TESTED,
    TUNED,
    Steered,
    crops,
    image_priors,
    learn,
    maps,
    phi,
    sets,
    solve,
    start,
)
from scripts.making.map_tuning import Terms, tune
from scripts.making.resumable import Parts, rounded

BUDGET, STEPS, LONG, SEEDS, POOL_STEPS = 9, 60, 300, [0, 1, 2], 60
FIRST = [0.001, 0.003, 0.01, 0.03, 0.1]  # weights of image priors, in units of their mean on natural pictures
SECOND = [0.001, 0.01, 0.1]  # and of priors on maps
GROUPS, GROUP_FILTERS = [1, 2, 4, 8, 16], 64
ORDERS = {"deep to shallow": ["relu3_3", "relu2_2", "relu1_2"], "shallow to deep": ["relu1_2", "relu2_2", "relu3_3"]}
EVERYWHERE = ["log ratio", "pre-image denoiser, score", "field of experts", "Gaussian"]
COMBINED = [f"{layer}/{kind}" for kind in EVERYWHERE for layer in LAYERS]  # what is tried, by layer and kind
COMBINED += [f"{layer}/{kind}" for kind in KINDS if kind not in EVERYWHERE for layer in LAYERS[1:3]]
COMBINED += [f"{layer}/{LONGER}" for layer in LAYERS[:3]]
ALONE = [f"alone {layer}/Gaussian" for layer in LAYERS]  # in place of a prior of pictures
LONG_RUNS = ["image", "relu1_2/Gaussian", f"relu1_2/{LONGER}"]  # tuned for many steps
SETTINGS = {
    "budget": BUDGET,
    "steps": STEPS,
    "long": LONG,
    "seeds": SEEDS,
    "pool_steps": POOL_STEPS,
    "first": FIRST,
    "second": SECOND,
    "sizes": [SIDE, LEARNT, TUNED, TESTED],
    "kinds": KINDS,
    "layers": LAYERS,
    "version": 1,
}
PARTS = Parts("feature_map_priors", SETTINGS)


@torch.no_grad()
def judged(found: torch.Tensor, x: torch.Tensor) -> dict:
    """PSNR, SSIM, the distance that another network sees, and the representation error, a number each picture."""
    error = RepresentationError(phi(), phi()(x))(found)
    squeeze = distance(found, x, network=network("squeezenet1_1"), layers=("fire4",))
    return {
        "psnr": psnr(found, x).tolist(),
        "ssim": ssim(found, x).tolist(),
        "distance": squeeze.tolist(),
        "error": error.tolist(),
    }


def tested(terms: Terms, *, seeds: list[int], steps: int = STEPS, warm: bool = True) -> tuple[dict, dict]:
    """The photographs to report, a list of results for each seed, and the pictures of the first."""
    x, found, shown = sets()["tested"], [], None
    for seed in seeds:
        own = solve(x, terms, start(x, seed=seed, warm=warm), steps=steps)
        shown = own if shown is None else shown
        found.append(judged(own, x))
    return {key: [own[key] for own in found] for key in found[0]}, {"shown": shown}


def image_part(key: str) -> tuple[dict, dict]:
    """An image prior, tuned alone: "NAME/START", START "warm" or "cold"."""
    name, begin = key.split("/")
    if name == "none":
        numbers, shown = tested([], seeds=SEEDS, warm=begin == "warm")
        return {"test": numbers}, shown
    prior = image_priors()[name]
    choice = tune(lambda a, b: [(a, prior)], FIRST, [0.0], budget=BUDGET, steps=STEPS, warm=begin == "warm")
    numbers, shown = tested([(choice.best[0], prior)], seeds=SEEDS, warm=begin == "warm")
    return {"tried": choice.tried, "best": choice.best, "test": numbers}, shown


def best_image(begin: str = "warm") -> tuple[str, float]:
    """The image prior with the highest PSNR on the photographs to tune on, and its weight."""
    names = [f"{name}/{begin}" for name in image_priors()]
    parts = {key: PARTS.get(key, image_part)[0] for key in names}
    key = max(names, key=lambda own: parts[own]["best"][2])
    return key.split("/")[0], parts[key]["best"][0]


def pool_part(key: str) -> tuple[dict, dict]:
    """Pre-images of the photographs learned from, with the best image prior and without any."""
    name, weight = best_image()
    x = sets()["learnt"]
    found = {}
    for own, terms in (("prior", [(weight, image_priors()[name])]), ("none", [])):
        found[own] = solve(x, terms, start(x, seed=10), steps=POOL_STEPS)
    return {own: float(psnr(y, x).mean()) for own, y in found.items()}, found


def pool() -> list[torch.Tensor]:
    """Pre-images of the photographs learned from, and where their searches began."""
    found = PARTS.get("pool", pool_part)[1]
    return [found["prior"], found["none"], start(sets()["learnt"], seed=11)]


@torch.no_grad()
def spread(prior: Energy) -> dict:
    """Energies of the photographs to report: natural, blurred, pre-images without and with the best image prior."""
    x = sets()["tested"]
    name, _ = best_image()
    pictures = {
        "natural": x,
        "blurred": Blur(gaussian_kernel(1.0), border="reflect")(x),
        "pre-image": PARTS.get("none/warm", image_part)[1]["shown"],
        "pre-image, image prior": PARTS.get(f"{name}/warm", image_part)[1]["shown"],
        "inverse network": start(x, seed=0),
    }
    return {what: prior(y).tolist() for what, y in pictures.items()}


def map_part(key: str) -> tuple[dict, dict]:
    """A prior on maps beside the best image prior: "LAYER/KIND"."""
    layer, kind = key.split("/")
    name, weight = best_image()
    beside, prior = image_priors()[name], learn(kind, layer, pool())
    choice = tune(lambda a, b: [(a, beside), (b, prior)], [weight / 3, weight], SECOND, budget=BUDGET, steps=STEPS)
    a, b, _ = choice.best
    numbers, shown = tested([(a, beside), (b, prior)], seeds=SEEDS[:1])
    spreads = {} if isinstance(prior, Steered) else {"spread": spread(prior)}
    return {"tried": choice.tried, "best": choice.best, "test": numbers, **spreads}, shown


def alone_part(key: str) -> tuple[dict, dict]:
    """A prior on maps in place of one of pictures: "alone LAYER/KIND"."""
    layer, kind = key.removeprefix("alone ").split("/")
    prior = learn(kind, layer, pool())
    choice = tune(lambda a, b: [(a, prior)], FIRST, [0.0], budget=BUDGET, steps=STEPS)
    numbers, shown = tested([(choice.best[0], prior)], seeds=SEEDS)
    return {"tried": choice.tried, "best": choice.best, "test": numbers}, shown


def best_combined() -> str:
    """Layer and kind with the highest PSNR on the photographs to tune on, of all on maps."""
    keys = [key for key in COMBINED if not key.startswith("picture/")]
    return max(keys, key=lambda own: PARTS.get(own, map_part)[0]["best"][2])


def best_kind() -> str:
    """The kind with the highest PSNR on the photographs to tune on, at any layer behind the picture."""
    return best_combined().split("/")[1]


def order_part(key: str) -> tuple[dict, dict]:
    """Priors added one at a time, each with the same budget: of the image prior's weight and its own."""
    layers, kind = ORDERS[key], best_kind()
    name, weight = best_image()
    beside, placed, steps, shown = image_priors()[name], [], [], {}
    for count, layer in enumerate(layers, start=1):
        prior = learn(kind, layer, pool())

        def terms(a, b, placed=tuple(placed), prior=prior):
            return [(a, beside), (b, prior), *placed]

        choice = tune(terms, [weight / 3, weight], SECOND, budget=BUDGET, steps=STEPS)
        a, b, _ = choice.best
        weight = a
        numbers, own = tested(terms(a, b), seeds=SEEDS)
        placed.append((b, prior))
        steps.append({"layer": layer, "tried": choice.tried, "best": choice.best, "test": numbers})
        shown[f"shown_{count}"] = own["shown"]
    return {"kind": kind, "steps": steps}, shown


def long_part(key: str) -> tuple[dict, dict]:
    """Five times the steps, weights tuned for them with the same budget: "long WHAT" (see LONG_RUNS)."""
    name, weight = best_image()
    beside, what = image_priors()[name], key.removeprefix("long ")
    if what == "image":
        choice = tune(lambda a, b: [(a, beside)], FIRST, [0.0], budget=BUDGET, steps=LONG)
        own, terms = name, [(choice.best[0], beside)]
    else:
        own, weight = what, PARTS.get("long image", long_part)[0]["best"][0]
        layer, kind = own.split("/")
        prior = learn(kind, layer, pool())
        choice = tune(lambda a, b: [(a, beside), (b, prior)], [weight / 3, weight], SECOND, budget=BUDGET, steps=LONG)
        terms = [(choice.best[0], beside), (choice.best[1], prior)]
    numbers, shown = tested(terms, seeds=SEEDS[:1], steps=LONG)
    return {"of": own, "tried": choice.tried, "best": choice.best, "test": numbers}, shown


def final_part(key: str) -> tuple[dict, dict]:
    """The best prior on maps with other seeds, or it and the image prior from a grey start: "WHAT HOW"."""
    what, how = key.split()
    name, weight = best_image()
    beside = image_priors()[name]
    if what == "image":
        return tested_again([[(weight, beside)]], SEEDS[:1], warm=False)
    best = best_combined()
    a, b, _ = PARTS.get(best, map_part)[0]["best"]
    layer, kind = best.split("/")
    seeds = SEEDS if how == "seeds" else SEEDS[:1]
    each = [[(a, beside), (b, learn(kind, layer, pool(), seed=seed))] for seed in seeds]
    numbers, shown = tested_again(each, seeds, warm=how == "seeds")
    return {"of": best, **numbers}, shown


def tested_again(each: list[Terms], seeds: list[int], *, warm: bool) -> tuple[dict, dict]:
    """Results with terms of their own for each seed."""
    found = [tested(terms, seeds=[seed], warm=warm)[0] for terms, seed in zip(each, seeds, strict=True)]
    return {"test": {key: [own[key][0] for own in found] for key in found[0]}}, {}


def group_part(key: str) -> tuple[dict, dict]:
    """What the false independence of groups of channels costs at a layer: nats, and denoising loss."""
    layer = key.removeprefix("groups ")
    x, held = sets()["learnt"], crops(slice(90, 140))
    scale = ChannelScale.of(maps(x, layer))
    z, h = scale(maps(x, layer)), scale(maps(held, layer))
    rows, held_rows = patch_rows(z, 3, every=2), patch_rows(h, 3, every=2)
    channels = z.shape[1]
    counts = [own for own in GROUPS if channels % own == 0]
    nats = [group_nats(rows, held_rows, groups=own, ridge=0.09) for own in counts]
    losses = []
    for own in counts:
        filters = math.ceil(GROUP_FILTERS / own) * own
        field = fit_map_field(z, count=filters, groups=own, sigma=0.3, steps=200)
        losses.append(map_denoising_loss(field, h, sigma=0.3))
    return {"channels": channels, "groups": counts, "nats": nats, "losses": losses}, {}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    image = PARTS.all([f"{name}/warm" for name in ("none", *image_priors())], image_part)
    pools = PARTS.get("pool", pool_part)[0]
    on_maps = PARTS.all(COMBINED, map_part)
    alone = PARTS.all(ALONE, alone_part)
    groups = PARTS.all([f"groups {layer}" for layer in LAYERS[1:3]], group_part)
    orders = PARTS.all(list(ORDERS), order_part)
    finals = PARTS.all(["maps seeds", "image grey", "maps grey"], final_part)
    longer = PARTS.all([f"long {what}" for what in LONG_RUNS], long_part)
    name, weight = best_image()

    def mean(numbers: dict) -> float:
        return float(torch.tensor(numbers["test"]["psnr"]).mean())

    best = finals["maps seeds"][0]
    save_record(
        "feature_map_priors",
        rounded(
            {
                **SETTINGS,
                "image": {key: own[0] for key, own in image.items()},
                "best_image": [name, weight],
                "pool": pools,
                "maps": {key: own[0] for key, own in on_maps.items()},
                "alone": {key.removeprefix("alone "): own[0] for key, own in alone.items()},
                "groups": {key: own[0] for key, own in groups.items()},
                "orders": {key: own[0] for key, own in orders.items()},
                "finals": {key: own[0] for key, own in finals.items()},
                "longer": {key.removeprefix("long "): own[0] for key, own in longer.items()},
                "weights": network("vgg_mini").weights,
            }
        ),
        command="DEEPRESTORE_DATA=... make records NAME=feature_map_priors",
        data="photographs of BSDS500's training set at half size (local tier)",
        licence="non-commercial research and education; what is shipped are numbers",
        seeds=SEEDS,
        metric=f"PSNR at relu3_3: {name} {mean(image[f'{name}/warm'][0]):.2f} dB, with the best prior on maps "
        f"({best['of']}) {mean(best):.2f} dB",
    )
