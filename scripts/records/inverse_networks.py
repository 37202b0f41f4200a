"""Four ways to train the inverse modules of `vgg_mini`, at three layers, several numbers of steps and seeds.

Every training has the same modules, crops, steps for each module, and number of settings tried: two learning rates and
two sizes of the start, by a photograph that is not learnt from, at pool2 after 400 steps. Measured on middles of 40
photographs of BSDS, 96 x 96, which nothing learnt from; differences are paired by photograph, intervals are bootstraps
over photographs and seeds. One training gives the modules "alone" of all three layers, since none of them knows of the
others. No picture of BSDS is shown: those in the strips are a photograph that the library ships. A layer and number of
steps of which the record has all runs are not made again: remove it to have all anew.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core.artifacts import load_picture, load_record, save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.inverse_networks.evaluation import normalised_errors, paired_interval, scored
from deeprestore_lab.inverse_networks.network import InverseNetwork
from deeprestore_lab.inverse_networks.training import TRAININGS, map_batches, maps_of, train
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.training import cosine
from scripts.making.inverse_training import SIDES, learnt_patches, stop_by, unseen
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Parts, recorded, rounded

RECORD, LAYERS = "inverse_networks", ["pool1", "pool2", "pool3"]
BATCH, CROP, RATES, STARTS = 4, 48, [1.5e-3, 3e-3], [0.1, 1.0]
SEARCHED = ("pool2", 400)  # layer, steps
UNSEEN, SHOWN, SHOWN_SIDE = 40, "chelsea", 64
SEEDS = [0, 1, 2]
FIVE_TIMES, LONG = 7500, ["together", "end to end", "alone"]  # "in turn" makes six times as many steps in all
RUNS = [  # steps, seeds, layers, trainings; of a layer the deepest first: its modules "alone" serve the others
    (400, SEEDS, LAYERS[::-1], TRAININGS),
    (1500, SEEDS, LAYERS[::-1], TRAININGS),
    (FIVE_TIMES, SEEDS, LAYERS[::-1], LONG[:2]),
    (FIVE_TIMES, [0], LAYERS[::-1], LONG[2:]),
]
SETTINGS = {
    "layers": LAYERS,
    "batch": BATCH,
    "rates": RATES,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
    "starts": STARTS,
}
PARTS = Parts(RECORD, SETTINGS)
SEARCH = Parts(
    "inverse_networks_search",
    {"batch": BATCH, "crop": CROP, "searched": list(SEARCHED), "sides": list(SIDES)},
)
COMPARED = {
    "together - alone": ("together", "alone"),
    "end to end - together": ("end to end", "together"),
    "end to end - alone": ("end to end", "alone"),
    "together - in turn": ("together", "in turn"),
}


def network(layer: str, *, start: float = 0.1, seed: int = 0) -> InverseNetwork:
    """The modules that are compared, with the seed's start."""
    return InverseNetwork(load("vgg_mini", "embedded"), layer, start=start, seed=seed)


def trained_network(layer: str, training: str, *, start: float, seed: int, **settings: object) -> InverseNetwork:
    """One run on `vgg_mini`; the settings are those of `trained`."""
    return trained(network(layer, start=start, seed=seed), training, seed=seed, **settings)


def trained(
    inverse: InverseNetwork,
    training: str,
    *,
    steps: int,
    lr: float,
    seed: int,
    file: object,
    crop: int = CROP,
    criterion: object = "l2",
) -> InverseNetwork:
    """The network after one training on the seed's crops."""
    draw = map_batches(inverse, learnt_patches(crop), count=BATCH, seed=seed)
    inverse.calibrate({name: torch.cat([draw(k)[name] for k in range(8)]) for name in inverse.layers})
    train(
        inverse,
        draw,
        training=training,
        steps=steps,
        lr=cosine(lr, steps, warmup=20),
        criterion=criterion,
        checkpoint=file,
        progress=False,
    )
    return inverse


@torch.no_grad()
def given_back(inverse: InverseNetwork, x: torch.Tensor) -> torch.Tensor:
    """The images that come back from the maps of `x`, clipped to [0, 1]."""
    return inverse(maps_of(inverse, x)[inverse.layer]).clamp(0, 1)


def chosen_by(inverse: InverseNetwork) -> float:
    """PSNR on crops of the photograph by which settings are chosen."""
    return float(psnr(given_back(inverse, stop_by()), stop_by()).mean())


def searched(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The PSNR of a training at a start and a rate; the key is "search/training/start/rate"."""
    _, training, start, rate = key.split("/")
    layer, steps = SEARCHED
    own = {"steps": steps, "lr": float(rate), "start": float(start), "seed": 0, "file": SEARCH.checkpoint(key)}
    inverse = trained_network(layer, training, **own)
    return {"psnr": chosen_by(inverse)}, {"none": torch.zeros(1)}


@cache
def search() -> dict[str, dict[str, float]]:
    """The PSNR of every start and rate, by training."""
    if had := recorded(RECORD, SETTINGS):
        return had["search"]
    return {
        t: {
            f"{start}/{r}": SEARCH.get(f"search/{t}/{start}/{r}", searched)[0]["psnr"]
            for start in STARTS
            for r in RATES
        }
        for t in TRAININGS
    }


def best(training: str) -> tuple[float, float]:
    """Start and rate of a training."""
    own = search()[training]
    start, rate = max(own, key=own.get).split("/")
    return float(start), float(rate)


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training and its scores; the key is "layer/training/steps/seed/start"."""
    layer, training, steps, seed, start = key.split("/")
    if training == "alone" and layer != LAYERS[-1]:
        deepest = PARTS.get(key.replace(layer, LAYERS[-1]), run)[1]
        inverse = without_the_deepest(deepest, network(layer))
    else:
        own = {"steps": int(steps), "lr": best(training)[1], "start": float(start), "seed": int(seed)}
        inverse = trained_network(layer, training, **own, file=PARTS.checkpoint(key))
    return measured(inverse), inverse.state_dict()


def measured(inverse: InverseNetwork) -> dict:
    """Scores of what it gives back of the unseen photographs, a list each."""
    x = unseen(UNSEEN)
    picture, found = scored(inverse, x)
    numbers = {name: values.tolist() for name, values in found.items()}
    numbers["normalised"] = normalised_errors(picture, x).tolist()
    return {"scores": numbers}


def without_the_deepest(weights: dict[str, torch.Tensor], inverse: InverseNetwork) -> InverseNetwork:
    """The network with the modules of one that was trained deeper, whose weights are given."""
    left = len(weights["scales"]) - len(inverse.steps)
    own = {"scales": weights["scales"][left:]}
    for name in inverse.state_dict():
        if name.startswith("steps."):
            _, place, rest = name.split(".", 2)
            own[name] = weights[f"steps.{int(place) + left}.{rest}"]
    inverse.load_state_dict(own)
    return inverse


def grid() -> dict[str, list[str]]:
    """The keys of all runs by "layer/steps"."""
    found: dict[str, list[str]] = {}
    for steps, seeds, layers, trainings in RUNS:
        for layer, seed, training in product(layers, seeds, trainings):
            key = f"{layer}/{training}/{steps}/{seed}/{best(training)[0]}"
            found.setdefault(f"{layer}/{steps}", []).append(key)
    return found


def compared(found: dict[str, dict]) -> dict[str, dict]:
    """Paired differences between trainings, with their intervals, by "layer/steps", pair and measure."""
    runs = {tuple(key.split("/")[:4]): own for key, own in found.items()}
    out: dict[str, dict] = {}
    for layer, steps in sorted({(layer, int(steps)) for layer, _, steps, _ in runs}):
        own: dict[str, dict] = {}
        for name, pair in COMPARED.items():
            sides = [
                [runs[layer, t, str(steps), str(s)] for t in pair]
                for s in range(9)
                if all((layer, t, str(steps), str(s)) in runs for t in pair)
            ]
            if not sides:
                continue
            own[name] = {"seeds": len(sides)}
            for measure in ("psnr", "ssim", "contrast", "structure", "distance", f"again {layer}"):
                gains = torch.tensor([a[measure] for a, _ in sides]) - torch.tensor([b[measure] for _, b in sides])
                own[name][measure] = {"mean": float(gains.mean()), "interval": list(paired_interval(gains.T))}
        out[f"{layer}/{steps}"] = own
    return out


def strips(parts: dict, kept: list[str]) -> tuple[dict[str, bytes], dict[str, list[str]]]:
    """By layer, what each run of the first seed gives back of a photograph, side by side, and the order; some kept."""
    x, pictures, orders = images.photograph(SHOWN, size=SHOWN_SIDE), {}, {}
    for layer in LAYERS:
        shown = {}
        if kept:
            old = images.load(load_picture(RECORD, f"{layer}.webp"))[0].split(SHOWN_SIDE, dim=-1)
            rows = zip(load_record(RECORD)["shown"]["order"][layer], old, strict=True)
            shown = {name: picture for name, picture in rows if f"{layer}/{name.split('/')[1]}" in kept}
        for key, (_, weights) in parts.items():
            own, training, steps, seed, _ = key.split("/")
            if (own, seed) == (layer, "0"):
                inverse = network(layer)
                inverse.load_state_dict(weights)
                shown[f"{training}/{steps}"] = given_back(inverse, x)[0]
        pictures[f"{layer}.webp"] = encode(torch.cat(list(shown.values()), dim=-1)[None], format="webp-lossless")
        orders[layer] = list(shown)
    return pictures, orders


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    had = recorded(RECORD, SETTINGS)
    kept = [case for case, keys in grid().items() if had and set(keys) <= set(had["means"])]
    parts = PARTS.all([key for case, keys in grid().items() if case not in kept for key in keys], run)
    numbers = {key: part[0]["scores"] for key, part in parts.items()}
    means = {key: had["means"][key] for case in kept for key in grid()[case]}
    means |= {key: {name: sum(v) / len(v) for name, v in own.items()} for key, own in numbers.items()}
    found = {case: had["compared"][case] for case in kept} | compared(numbers)
    found = {
        case: found[case] for case in sorted(found, key=lambda case: (case.split("/")[0], int(case.split("/")[1])))
    }
    pictures, rows = strips(parts, kept)
    longest = found[f"pool2/{FIVE_TIMES}"]
    save_record(
        RECORD,
        rounded(
            {
                **SETTINGS,
                "search": search(),
                "best": {training: list(best(training)) for training in TRAININGS},
                "parameters": {layer: sum(p.numel() for p in network(layer).parameters()) for layer in LAYERS},
                "means": means,
                "compared": found,
                "shown": {"photograph": SHOWN, "side": SHOWN_SIDE, "order": rows},
            }
        ),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only; the pictures are of {SHOWN}, CC0",
        seeds=SEEDS,
        metric=f"pool2, {FIVE_TIMES} steps, differences of PSNR in dB with 95 % intervals: "
        + "; ".join(
            f"{name} {own['psnr']['mean']:.2f} ({own['psnr']['interval'][0]:.2f} to {own['psnr']['interval'][1]:.2f})"
            for name, own in longest.items()
        ),
        pictures=pictures,
    )
