"""Four ways to train the inverse modules of `vgg_mini`, at three layers, several numbers of steps and seeds.

Every run has the same modules, crops, steps for each module and number of learning rates tried (by one photograph that
is not learnt from, at pool2, 400 steps). Measured on middles of 40 photographs of BSDS, 96 x 96, which nothing learnt
from; differences are paired by photograph, intervals are bootstraps over photographs and seeds. The same training gives
the modules "alone" of all three layers, since none of them knows of the others. No picture of BSDS is shown: those in
the grid are a photograph that the library ships.
"""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.inverse_networks.evaluation import normalised_errors, paired_interval, scores
from deeprestore_lab.inverse_networks.network import QUIET, InverseNetwork
from deeprestore_lab.inverse_networks.training import TRAININGS, map_batches, maps_of, train
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.training import cosine
from scripts.making.inverse_training import SIDES, learnt_patches, stop_by, unseen
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.recorded import strip
from scripts.making.resumable import Parts, rounded

LAYERS = ["pool1", "pool2", "pool3"]
BATCH, CROP, RATES = 4, 48, [1.5e-3, 3e-3]
SEARCHED = ("pool2", 400, CROP)  # layer, steps, crops
UNSEEN, SHOWN, SHOWN_SIDE = 40, "chelsea", 64
RUNS = [  # steps, seeds, layers; those first that matter most
    (400, [0], ["pool3", "pool2"]),
    (1500, [0], ["pool2"]),
    (400, [0], ["pool1"]),
    (400, [1, 2], ["pool3", "pool2", "pool1"]),
    (1500, [1, 2], ["pool2"]),
    (1500, [0], ["pool3", "pool1"]),
]
SETTINGS = {
    "layers": LAYERS,
    "batch": BATCH,
    "rates": RATES,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
    "start": QUIET,
}
PARTS = Parts("inverse_networks", SETTINGS)
SEARCH = Parts(
    "inverse_networks_search", {"batch": BATCH, "searched": list(SEARCHED), "sides": list(SIDES), "start": QUIET}
)
COMPARED = {
    "together - alone": ("together", "alone"),
    "end to end - together": ("end to end", "together"),
    "end to end - alone": ("end to end", "alone"),
    "together - in turn": ("together", "in turn"),
}


def network(layer: str, *, kind: str = "nearest", seed: int = 0) -> InverseNetwork:
    """The modules that are compared, with the seed's start."""
    return InverseNetwork(load("vgg_mini", "embedded"), layer, kind=kind, seed=seed)


def trained_network(
    layer: str, training: str, *, steps: int, lr: float, seed: int, kind: str, crop: int, file: object
) -> InverseNetwork:
    """One run."""
    inverse = network(layer, kind=kind, seed=seed)
    draw = map_batches(inverse, learnt_patches(crop), count=BATCH, seed=seed)
    inverse.calibrate({name: torch.cat([draw(k)[name] for k in range(8)]) for name in inverse.layers})
    train(
        inverse,
        draw,
        training=training,
        steps=steps,
        lr=cosine(lr, steps, warmup=20),
        checkpoint=file,
        progress=False,
    )
    return inverse


def searched(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The PSNR of a training at a rate; the key is "search/training/rate"."""
    _, training, rate = key.split("/")
    layer, steps, crop = SEARCHED
    inverse = trained_network(
        layer, training, steps=steps, lr=float(rate), seed=0, kind="nearest", crop=crop, file=SEARCH.checkpoint(key)
    )
    with torch.no_grad():
        found = psnr(inverse(maps_of(inverse, stop_by())[layer]).clamp(0, 1), stop_by())
    return {"psnr": float(found.mean())}, {"none": torch.zeros(1)}


@cache
def rates() -> dict[str, float]:
    """The learning rate of each training."""
    found = {t: {r: SEARCH.get(f"search/{t}/{r}", searched)[0]["psnr"] for r in RATES} for t in TRAININGS}
    return {training: max(own, key=own.get) for training, own in found.items()}


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training and its scores; the key is "layer/training/steps/seed/kind"."""
    layer, training, steps, seed, kind = key.split("/")
    if training == "alone" and layer != LAYERS[-1]:
        deepest = PARTS.get(key.replace(layer, LAYERS[-1]), run)[1]
        inverse = without_the_deepest(deepest, layer, kind)
    else:
        inverse = trained_network(
            layer,
            training,
            steps=int(steps),
            lr=rates()[training],
            seed=int(seed),
            kind=kind,
            crop=CROP,
            file=PARTS.checkpoint(key),
        )
    found = scores(inverse, unseen(UNSEEN))
    numbers = {name: values.tolist() for name, values in found.items()}
    x = unseen(UNSEEN)
    with torch.no_grad():
        picture = inverse(maps_of(inverse, x)[layer]).clamp(0, 1)
    numbers["normalised"] = normalised_errors(picture, x).tolist()
    return {"scores": numbers}, inverse.state_dict()


def without_the_deepest(weights: dict[str, torch.Tensor], layer: str, kind: str) -> InverseNetwork:
    """The modules from `layer` on of a network that was trained deeper."""
    inverse = network(layer, kind=kind)
    left = len(weights["scales"]) - len(inverse.steps)
    own = {"scales": weights["scales"][left:]}
    for name in inverse.state_dict():
        if name.startswith("steps."):
            _, place, rest = name.split(".", 2)
            own[name] = weights[f"steps.{int(place) + left}.{rest}"]
    inverse.load_state_dict(own)
    return inverse


def grid() -> list[str]:
    """The keys of all runs, those first that matter most."""
    return [
        f"{layer}/{training}/{steps}/{seed}/nearest"
        for steps, seeds, layers in RUNS
        for seed in seeds
        for layer in layers
        for training in TRAININGS
    ]


def compared(found: dict[str, dict]) -> dict[str, dict]:
    """Paired differences between trainings, with their intervals, by "layer/steps/kind" and measure."""
    out: dict[str, dict] = {}
    cases = {(layer, steps, kind) for layer, _, steps, _, kind in (key.split("/") for key in found)}
    for layer, steps, kind in sorted(cases):
        own: dict[str, dict] = {}
        for name, (first, second) in COMPARED.items():
            seeds = [s for s in range(9) if all(f"{layer}/{t}/{steps}/{s}/{kind}" in found for t in (first, second))]
            if not seeds:
                continue
            own[name] = {"seeds": seeds}
            for measure in ("psnr", "ssim", "contrast", "structure", "distance", f"again {layer}"):
                columns = [
                    torch.tensor(found[f"{layer}/{first}/{steps}/{s}/{kind}"]["scores"][measure])
                    - torch.tensor(found[f"{layer}/{second}/{steps}/{s}/{kind}"]["scores"][measure])
                    for s in seeds
                ]
                gains = torch.stack(columns, 1)
                own[name][measure] = {"mean": float(gains.mean()), "interval": list(paired_interval(gains))}
        out[f"{layer}/{steps}/{kind}"] = own
    return out


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    parts = PARTS.all(grid(), run)
    write(parts)


def write(parts: dict) -> None:
    """The record of these parts."""
    x = images.photograph(SHOWN, size=SHOWN_SIDE)
    numbers = {key: part[0] for key, part in parts.items()}
    pictures, rows = {}, {}
    for layer in LAYERS:
        shown, order = [], []
        for key, (_, weights) in parts.items():
            own, training, steps, seed, kind = key.split("/")
            if (own, seed, kind) == (layer, "0", "nearest"):
                inverse = network(layer)
                inverse.load_state_dict(weights)
                with torch.no_grad():
                    picture = inverse(maps_of(inverse, x)[layer]).clamp(0, 1)
                shown.append((picture[0] * 255).round())
                order.append(f"{training}/{steps}")
        pictures[f"{layer}.webp"], rows[layer] = strip(torch.stack(shown)), order
    means = {key: {name: sum(v) / len(v) for name, v in own["scores"].items()} for key, own in numbers.items()}
    found = compared(numbers)
    deepest = found[f"{LAYERS[-1]}/1500/nearest"]
    save_record(
        "inverse_networks",
        rounded(
            {
                **SETTINGS,
                "search": {
                    t: {str(r): SEARCH.get(f"search/{t}/{r}", searched)[0]["psnr"] for r in RATES} for t in TRAININGS
                },
                "lr": rates(),
                "parameters": {layer: sum(p.numel() for p in network(layer).parameters()) for layer in LAYERS},
                "means": means,
                "compared": found,
                "shown": {"photograph": SHOWN, "side": SHOWN_SIDE, "order": rows},
            }
        ),
        command="make records NAME=inverse_networks",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only; the pictures are of {SHOWN}, CC0",
        seeds=[0, 1, 2],
        metric="pool3, 1500 steps, differences of PSNR in dB with 95 % intervals: "
        + "; ".join(
            f"{name} {own['psnr']['mean']:.2f} ({own['psnr']['interval'][0]:.2f} to {own['psnr']['interval'][1]:.2f})"
            for name, own in deepest.items()
        ),
        pictures=pictures,
    )
