"""Pre-images of VGG16, SqueezeNet and GoogLeNet with no prior, total variation and a field of experts.

Ten photographs of Set5 and Set14, of 36 x 36 pixels, L-BFGS with values in [0, 1]. Weights are those of a prior that
is 1 on a natural picture, tuned on three free photographs at 300 steps, as many for each prior: eight, and six at
VGG16. Searches start where a linear translation of the map to `vgg_mini` and the inverse network of that lead
(`scripts/making/translated_start.py`). All take 300 steps; at `LONG_LAYERS` every second picture goes on to five times
as many. From the tables of weights comes the law of `priors.representation_weight`.
"""

from __future__ import annotations

import torch

from deeprestore_lab.baselines import annealed_denoising
from deeprestore_lab.core.artifacts import load_record, save_record
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.inverse_networks.warm_start import warm_start
from deeprestore_lab.measures.feature_noise import layer_noise
from deeprestore_lab.measures.metrics import psnr, ssim
from deeprestore_lab.networks.denoising_unet import trained_denoiser
from deeprestore_lab.operators import Operator
from scripts.making import inversion
from scripts.making.feature_maps import network
from scripts.making.recorded import searched
from scripts.making.resumable import Parts, rounded
from scripts.making.translated_start import PICTURES, RIDGE, translated_start
from scripts.making.weight_law import law

SIZE, STEPS, LONG, EVERY, LEVEL = 36, 300, 1500, 2, 5 / 255
LAYERS = [
    "googlenet/conv2",
    "googlenet/inception_3b",
    "squeezenet1_1/fire3",
    "squeezenet1_1/fire5",
    "vgg16/relu2_2",
]
NONE, PRIORS = "no prior", ["total variation", "field of experts"]
WEIGHTS, BUDGETS, RATIO = [3e-4, 1e-3, 3e-3, 1e-2], {"vgg16": 6, "others": 8}, 10**0.5
LONG_LAYERS = ["squeezenet1_1/fire3"]
LEVELS = [0.2, 0.14, 0.1, 0.07, 0.05, 0.035, 0.025, 0.017, 0.012, 0.008]  # of the denoiser, as in chapter 18's record
HEAVIER = [3e-6, 1e-5, 3e-5, 1e-4, 3e-4]  # its weights at relu3_3 of vgg_mini, from the largest there on
SETTINGS = {
    "size": SIZE,
    "steps": STEPS,
    "long_steps": LONG,
    "long_every": EVERY,
    "long_layers": LONG_LAYERS,
    "denoiser_levels": LEVELS,
    "denoiser_weights": HEAVIER,
    "layers": LAYERS,
    "weights": WEIGHTS,
    "budgets": BUDGETS,
    "level": LEVEL,
    "tuned_on": list(inversion.TUNED_ON),
    "translated": [PICTURES, RIDGE],
}
PARTS = Parts("preimage_networks", SETTINGS)


def phi_of(key: str) -> Operator:
    name, layer = key.split("/")
    return network(name).at(layer)


def error_of(key: str, x: torch.Tensor) -> RepresentationError:
    phi = phi_of(key)
    with torch.no_grad():
        return RepresentationError(phi, phi(x))


def more_weights(weights: list[float], scores: list[float]) -> list[float]:
    """Two weights to try next: farther on beyond an edge, else on both sides of the best."""
    order = sorted(range(len(weights)), key=weights.__getitem__)
    place = max(range(len(order)), key=lambda i: scores[order[i]])
    best = weights[order[place]]
    if place == 0:
        return [best / RATIO, best / RATIO**2]
    if place == len(order) - 1:
        return [best * RATIO, best * RATIO**2]
    return [(best * weights[order[place + side]]) ** 0.5 for side in (-1, 1)]


def scores_at(at: str, name: str, weights: list[float]) -> list[list[float]]:
    """PSNR of the tuning pictures at each weight."""
    x = inversion.tuning_pictures(SIZE)
    many = x.repeat(len(weights), 1, 1, 1)
    energy = error_of(at, many) + torch.tensor(weights).repeat_interleave(len(x)) * inversion.prior(name, SIZE)
    (found,) = searched(energy, translated_start(at, many), [STEPS])
    return psnr(found, many).view(len(weights), len(x)).tolist()


def tune(key: str) -> tuple[dict, dict]:
    """A grid of weights and two more at "tune NETWORK/LAYER/PRIOR"; two more than these at "wider ..."."""
    how, rest = key.split(" ", 1)
    at, name = rest.rsplit("/", 1)
    if how == "tune":
        weights, scores = list(WEIGHTS), scores_at(at, name, WEIGHTS)
    else:
        own = PARTS.get(f"tune {rest}", tune)[0]
        weights, scores = own["weights"], own["psnr"]
    new = more_weights(weights, [sum(row) for row in scores])
    weights, scores = weights + new, scores + scores_at(at, name, new)
    return {"weights": weights, "psnr": scores, "best": max(range(len(weights)), key=lambda i: sum(scores[i]))}, {}


def tuning(at: str, name: str) -> str:
    """The part with all weights of a prior: six at VGG16, which is slow, eight elsewhere."""
    return ("tune" if at.startswith("vgg16") else "wider") + f" {at}/{name}"


def best_weight(table: dict) -> float:
    """The weight of a tuning's table that was best."""
    return table["weights"][table["best"]]


def weight_of(at: str, name: str) -> float:
    return best_weight(PARTS.get(tuning(at, name), tune)[0])


def run(key: str) -> tuple[dict, dict]:
    """Ten pictures at "main NETWORK/LAYER/PRIOR"; every second of them on from there at "long ..."."""
    how, rest = key.split(" ", 1)
    at, name = rest.rsplit("/", 1)
    x, steps = inversion.judged_pictures(SIZE), STEPS
    if how == "main":
        start = translated_start(at, x)
    else:
        start, x, steps = PARTS.get(f"main {rest}", run)[1]["x"][::EVERY], x[::EVERY], LONG - STEPS
    error = error_of(at, x)
    energy = error if name == NONE else error + weight_of(at, name) * inversion.prior(name, SIZE)
    (found,) = searched(energy, start, [steps])
    with torch.no_grad():
        numbers = {
            "psnr": psnr(found, x).tolist(),
            "ssim": ssim(found.clamp(0, 1), x).tolist(),
            "error": error(found).tolist(),
        }
        if how == "main" and name == NONE:
            numbers["start"] = psnr(start, x).tolist()
            numbers["values"] = phi_of(at)(x[:1]).numel()
    return numbers, {"x": found}


def denoised(_key: str) -> tuple[dict, dict]:
    """A denoiser at falling levels at relu3_3 of `vgg_mini`, with larger weights than chapter 18's record has."""
    at, net = "vgg_mini/relu3_3", trained_denoiser()

    def both(x: torch.Tensor, weight: float) -> list[torch.Tensor]:
        with torch.no_grad():
            begin = warm_start("relu3_3", phi_of(at)(x), size=tuple(x.shape[2:]))
        return list(annealed_denoising(error_of(at, x), begin, net, levels=LEVELS, weight=weight, steps=10))

    tuning, x = inversion.tuning_pictures(), inversion.judged_pictures()
    rows = [[float(psnr(shown, tuning).mean()) for shown in both(tuning, weight)] for weight in HEAVIER]
    best = max(range(len(rows)), key=lambda i: max(rows[i]))
    found = {which: psnr(shown, x).tolist() for which, shown in zip("xz", both(x, HEAVIER[best]), strict=True)}
    return {"tuning": rows, "best": best, **found}, {}


def curve(tuned: dict, noise: float) -> dict:
    """Mean PSNR against weight at a layer of that noise."""
    return {"noise": noise, "weights": tuned["weights"], "psnr": [sum(row) / len(row) for row in tuned["psnr"]]}


def mini_curves() -> dict[str, dict]:
    """The weights of `vgg_mini` that chapter 18's record tuned at as many steps, in larger pictures."""
    record, found = load_record("preimage_priors"), {}
    for layer, weights in record["long_settings"]["weights"].items():
        noise = layer_noise(phi_of(f"vgg_mini/{layer}"), inversion.natural_pictures(), sigma=LEVEL)
        for name in PRIORS:
            own = {"weights": weights, "psnr": record["long"][layer][name]["tuning"]}
            found[f"vgg_mini/{layer}/{name}"] = curve(own, noise)
    return found


def main() -> None:
    """Make what is missing and write the record `preimage_networks`."""
    torch.set_num_threads(1)
    runs = [f"{at}/{name}" for at in LAYERS for name in (NONE, *PRIORS)]
    longer = [f"{at}/{name}" for at in LONG_LAYERS for name in (NONE, *PRIORS)]
    made = {
        how: PARTS.all([f"{how} {key}" for key in keys], run) for how, keys in {"main": runs, "long": longer}.items()
    }
    tables = {how: {key.removeprefix(f"{how} "): own[0] for key, own in parts.items()} for how, parts in made.items()}
    tuned = {f"{at}/{name}": PARTS.get(tuning(at, name), tune)[0] for at in LAYERS for name in PRIORS}
    noise = {at: layer_noise(phi_of(at), inversion.natural_pictures(size=SIZE), sigma=LEVEL) for at in LAYERS}
    curves = {key: curve(own, noise[key.rsplit("/", 1)[0]]) for key, own in tuned.items()} | mini_curves()
    denoiser = PARTS.get("denoiser", denoised)[0]
    save_record(
        "preimage_networks",
        rounded({**SETTINGS, "noise": noise, "tune": tuned, **tables, "law": law(curves), "denoiser": denoiser}),
        command="DEEPRESTORE_DATA=... make records NAME=preimage_networks",
        data="tuned on three free photographs; judged on ten of Set5 and Set14, units from BSDS (local); "
        "VGG16, SqueezeNet and GoogLeNet of the local tier",
        licence="numbers alone of Set5, Set14 and BSDS",
        seeds=[0],
        metric="gain of total variation and of the experts over none in dB: "
        + ", ".join(f"{at} " + " and ".join(f"{gain(tables, at, name):.1f}" for name in PRIORS) for at in LAYERS),
    )


def gain(tables: dict, at: str, name: str) -> float:
    """Over no prior, mean of the ten pictures."""
    own, base = (tables["main"][f"{at}/{key}"]["psnr"] for key in (name, NONE))
    return sum(own) / len(own) - sum(base) / len(base)
