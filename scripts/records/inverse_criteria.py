"""What an inverse network answers when it is trained on squares, on absolute values, or on a perceptual loss.

Modules of `vgg_mini` at pool2, trained end to end as for the record of inverse networks, with the settings that were
best for squares there: the other two criteria were not tuned, which favours squares. Measured on 40 photographs of
BSDS that nothing learnt from, by two networks: `vgg_mini`, in whose layers the perceptual loss is taken, and
SqueezeNet, which took no part. Roughness is the mean square of differences of neighbouring pixels, over the truth's.
"""

from __future__ import annotations

from functools import cache
from statistics import fmean

import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import Backbone, load
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.inverse_networks.evaluation import scored
from deeprestore_lab.inverse_networks.network import CONTRAST
from deeprestore_lab.measures.perceptual import distance
from scripts.making.inverse_training import SIDES, unseen
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Parts, rounded
from scripts.records.inverse_networks import (
    BATCH,
    CROP,
    SHOWN,
    SHOWN_SIDE,
    UNSEEN,
    best,
    given_back,
    network,
    trained_network,
)
from scripts.records.inverse_networks import PARTS as OTHER
from scripts.records.inverse_networks import run as by_squares

RECORD, LAYER, TRAINING = "inverse_criteria", "pool2", "end to end"
FEATURES, PIXELS = ("relu1_2", "relu2_2"), 0.1
JUDGE = ("squeezenet1_1", ("fire3", "fire5"))
RUNS = [(1500, 0), (1500, 1), (1500, 2), (7500, 0)]
SETTINGS = {
    "layer": LAYER,
    "training": TRAINING,
    "batch": BATCH,
    "patch": CROP,
    "sides": list(SIDES),
    "unseen": UNSEEN,
    "features": list(FEATURES),
    "pixels": PIXELS,
    "judge": [JUDGE[0], list(JUDGE[1])],
}
PARTS = Parts(RECORD, SETTINGS)


@cache
def features() -> Backbone:
    """The network in whose layers the perceptual loss is taken."""
    return load("vgg_mini", "embedded")


def perceptual(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    r"""PIXELS ||x - r||^2 / CONTRAST^2 + sum over layers of ||phi_l(x) - phi_l(r)||^2 / ||phi_l(r)||^2, a scalar.

    The first part is a mean over pixels. The errors of layers are over the energy of the whole batch, so that none of
    them is in units of its own.
    """
    net = features()
    with torch.no_grad():
        wanted = net.features(reference, FEATURES)
    found = net.features(x, FEATURES)
    layers = sum((found[name] - f).square().sum() / f.square().sum() for name, f in wanted.items())
    return PIXELS * (x - reference).square().mean() / CONTRAST**2 + layers


CRITERIA = {"squares": "l2", "absolute values": "l1", "perceptual": perceptual}


@cache
def judge() -> Backbone:
    """The network that took no part."""
    return load(JUDGE[0], "local")


def roughness(x: torch.Tensor) -> torch.Tensor:
    """Mean square of the differences of neighbouring pixels, one value per image."""
    return x.diff(dim=2).square().flatten(1).mean(1) + x.diff(dim=3).square().flatten(1).mean(1)


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One training and its scores; the key is "criterion/steps/seed"."""
    criterion, steps, seed = key.split("/")
    start, lr = best(TRAINING)
    if criterion == "squares":  # trained already, for the other record
        inverse = network(LAYER)
        inverse.load_state_dict(OTHER.get(f"{LAYER}/{TRAINING}/{steps}/{seed}/{start}", by_squares)[1])
    else:
        own = {"steps": int(steps), "lr": lr, "start": start, "seed": int(seed), "file": PARTS.checkpoint(key)}
        inverse = trained_network(LAYER, TRAINING, **own, criterion=CRITERIA[criterion])
    x = unseen(UNSEEN)
    picture, found = scored(inverse, x)
    numbers = {name: values.tolist() for name, values in found.items() if not name.startswith("from")}
    with torch.no_grad():
        numbers["absolute"] = (picture - x).abs().flatten(1).mean(1).tolist()
        numbers["roughness"] = (roughness(picture) / roughness(x)).tolist()
        numbers["judge"] = distance(picture, x, network=judge(), layers=JUDGE[1]).tolist()
    return numbers, inverse.state_dict()


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    made = PARTS.all([f"{c}/{steps}/{seed}" for steps, seed in RUNS for c in CRITERIA], run)
    means = {key: {name: fmean(values) for name, values in numbers.items()} for key, (numbers, _) in made.items()}
    x, shown = images.photograph(SHOWN, size=SHOWN_SIDE), {}
    for criterion in CRITERIA:
        inverse = network(LAYER)
        inverse.load_state_dict(made[f"{criterion}/{RUNS[-1][0]}/0"][1])
        shown[criterion] = given_back(inverse, x)
    longest = RUNS[-1][0]
    said = {
        c: [
            fmean(own[name] for key, own in means.items() if key.startswith(f"{c}/{longest}/"))
            for name in ("psnr", "judge")
        ]
        for c in CRITERIA
    }
    save_record(
        RECORD,
        rounded({**SETTINGS, "means": means, "shown": {"photograph": SHOWN, "side": SHOWN_SIDE, "order": list(shown)}}),
        command=f"make records NAME={RECORD}",
        data=f"{DATA}; measured on {UNSEEN} photographs of BSDS of the local tier",
        licence=f"{LICENCE}; of BSDS the record holds numbers only; the pictures are of {SHOWN}, CC0",
        seeds=sorted({seed for _, seed in RUNS}),
        metric=f"PSNR in dB and distance in {JUDGE[0]} after {longest} steps: "
        + "; ".join(f"{c} {db:.2f}, {far:.3f}" for c, (db, far) in said.items()),
        pictures={"shown.webp": encode(torch.cat(list(shown.values()), dim=-1), format="webp-lossless")},
    )
