"""The embedded backbone: VGG16's shape with a quarter of its channels, taught by the networks of the local tier.

Stages 1 to 3 learn from VGG16. What follows has no VGG16 to learn from here: mini4_1 to mini5_1 are regressed on the
small VGG19 of Wang et al. (2020), mini5_2 and mini5_3 on GoogLeNet. The crops come from photographs that are free to
use and stand inside scikit-image, scikit-learn and matplotlib; the held-out ones are never seen. Needs the local tier
(DEEPRESTORE_DATA).
"""

from __future__ import annotations

import copy
from functools import cache, partial
from pathlib import Path

import matplotlib
import torch
from torch import nn
from torch.nn.functional import pad
from torchvision.models.vgg import make_layers
from tqdm import tqdm

from deeprestore_lab import backbones, images
from deeprestore_lab.backbones.weights import VGG_CAFFE
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.core.machine import fast_autocast
from scripts.making.resumable import Parts
from scripts.making.vgg_mini.collages import Collages, distorted
from scripts.making.vgg_mini.distillation import Distillation, Target, at, explained, level, start, thinned

WIDTHS = (16, 16, "M", 32, 32, "M", 64, 64, 64, "M", 128, 128, 128, "M", 128, 128, 128)
LEARNT_FROM = tuple(
    name
    for name in images.photograph_names()
    if name not in images.HELD_OUT_PHOTOGRAPHS and images.photograph_source(name).licence != "not stated"
)
PORTRAIT = "sample_data/grace_hopper.jpg"  # inside matplotlib: by the US Navy, in the public domain
VGG16 = {  # layer: number of the student's module, places kept (every so many), share of the loss, pairs
    "relu1_1": (1, 8, 0.05, False),
    "relu1_2": (3, 4, 0.15, False),
    "relu2_1": (6, 4, 0.1, False),
    "relu2_2": (8, 2, 0.2, True),
    "relu3_1": (11, 2, 0.15, True),
    "relu3_2": (13, 2, 0.15, False),
    "relu3_3": (15, 1, 1.0, True),
}
DEEP = {  # (network, layer): number of the student's module, and of its convolution where it starts from this layer
    ("vgg19_small", "relu4_1"): (18, 17),
    ("vgg19_small", "relu4_2"): (20, 19),
    ("vgg19_small", "relu4_4"): (22, 21),
    ("vgg19_small", "relu5_1"): (25, 24),
    ("googlenet", "inception_4a"): (27, 26),
    ("googlenet", "inception_4b"): (29, 28),
}
# pixels to mirror at each side, so that a position of this net sees what the student's position sees
MARGINS = {"googlenet": 7}
SHALLOW, SIDE, CROPS, STEPS = 16, 96, 3000, 4000  # stages 1 to 3 are the first 16 modules
DEEP_FROM, DEEP_SIDE, DEEP_CROPS, DEEP_PLACES = 17, 160, 800, 75  # what comes after the third pooling
BATCH, LR, PAIRS = 16, 0.004, 0.1
ROOM = 64.0  # the input is divided by this while the student learns, lest its first weights be tiny
START_CROPS, START_PLACES = 200, 300
SETTINGS = {
    "learnt_from": [*LEARNT_FROM, PORTRAIT],
    "widths": list(WIDTHS),
    "start": [START_CROPS, START_PLACES],
    "descent": [BATCH, LR, PAIRS],
    "vgg16": {name: list(row) for name, row in VGG16.items()},
    "shallow": [SIDE, CROPS, STEPS],
}
DEEP_SETTINGS = {
    "deep": {f"{network} {layer}": list(row) for (network, layer), row in DEEP.items()},
    "deep_size": [DEEP_SIDE, DEEP_CROPS, DEEP_PLACES],
}
SHAPE = make_layers(list(WIDTHS))
PARTS = Parts("vgg_mini", SETTINGS)
DEEP_PARTS = Parts("vgg_mini_deep", SETTINGS | DEEP_SETTINGS)


@cache
def pictures() -> list[torch.Tensor]:
    """The photographs learnt from."""
    portrait = images.load(Path(matplotlib.get_data_path()) / PORTRAIT)
    return [*(images.photograph(name) for name in LEARNT_FROM), portrait]


def crops(count: int, side: int, seed: int) -> torch.Tensor:
    """Crops and, after each, the same crop distorted, `(count, 3, side, side)` of whole numbers up to 255."""
    x = Collages(pictures(), size=side).draw(count // 2, seed=seed)
    return (torch.stack([x, distorted(x, seed=seed + 1)], 1).flatten(0, 1) * 255).round().byte()


def normalised(x: torch.Tensor) -> torch.Tensor:
    """Whole numbers up to 255 as the student takes them while it learns."""
    mean, deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in VGG_CAFFE)
    return ((x.float() / 255 - mean) / (deviation * ROOM)).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def teach(network: str, x: torch.Tensor, layers: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """Maps of a teacher for a few images of whole numbers, its grid laid on the student's."""
    margin = MARGINS.get(network, 0)
    x = pad(x.float() / 255, (margin,) * 4, mode="reflect") if margin else x.float() / 255
    with fast_autocast():
        maps = backbones.load(network, "local").features(x.contiguous(memory_format=torch.channels_last), layers)
    return {layer: maps[layer].float() for layer in layers}


def targets(rows: dict[tuple[str, str], tuple], x: torch.Tensor) -> list[Target]:
    """The teachers' maps of the images, thinned, each divided by one number so that its mean square is near 1."""
    kept: dict[tuple[str, str], list[torch.Tensor]] = {row: [] for row in rows}
    sizes: dict[tuple[str, str], float] = {}
    for part in tqdm(x.split(10), desc="teachers"):
        for network in dict.fromkeys(network for network, _ in rows):
            found = teach(network, part, tuple(layer for own, layer in rows if own == network))
            for layer, maps in found.items():
                size = sizes.setdefault((network, layer), float(maps.square().mean().sqrt()))
                kept[network, layer].append((thinned(maps, rows[network, layer][1]) / size).half().contiguous())
    return [Target(torch.cat(kept[row]), sizes[row], *settings) for row, settings in rows.items()]


def values(network: str, layers: dict[str, int], x: torch.Tensor, *, places: int) -> list[tuple]:
    """For `start`: of each layer the convolution's number, random places, and the teacher's values there.

    `x` are square images; every pooling before the convolution halves the map.
    """
    drawn, found = {}, {layer: [] for layer in layers}
    for layer, number in layers.items():
        size = x.shape[2] // 2 ** sum(isinstance(module, nn.MaxPool2d) for module in SHAPE[:number])
        generator = torch.Generator().manual_seed(number)
        drawn[layer] = torch.randint(size, (len(x), places, 2), generator=generator)
    for part, first in zip(x.split(10), range(0, len(x), 10), strict=True):
        for layer, maps in teach(network, part, tuple(layers)).items():
            found[layer].append(at(maps, drawn[layer][first : first + 10]).float())
    return [(number, drawn[layer], torch.cat(found[layer])) for layer, number in layers.items()]


def shallow(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Stages 1 to 3."""
    student = make_layers(list(WIDTHS))[:SHALLOW]
    x = crops(CROPS, SIDE, 200)
    layers = {layer.replace("relu", "conv"): place - 1 for layer, (place, *_) in VGG16.items()}
    some = x[:START_CROPS]
    start(student, normalised(some), values("vgg16", layers, some, places=START_PLACES))
    goals = targets({("vgg16", layer): row for layer, row in VGG16.items()}, x)
    run = Distillation(student, lambda part: normalised(x[part]), goals, pairs=PAIRS)
    loss = run.descend(steps=STEPS, batch=BATCH, lr=LR, seed=0, checkpoint=PARTS.checkpoint(key), label=key)
    return {"loss": loss}, student.state_dict()


def deep(key: str, before: dict[str, torch.Tensor]) -> tuple[dict, dict[str, torch.Tensor]]:
    """Stages 4 and 5, on what stages 1 to 3 give: regressed on their teachers, layer by layer, and left so.

    Descent from there made unseen pictures worse explained: 0.39 of relu4_4's variance after 1500 steps in place of
    0.71 before, and the classes of CIFAR-10 were told apart less well.
    """
    student = make_layers(list(WIDTHS))
    student.load_state_dict(before, strict=False)
    x, goals = crops(DEEP_CROPS, DEEP_SIDE, 300), []
    for network in dict.fromkeys(network for network, _ in DEEP):
        rows = {layer: number for (own, layer), (_, number) in DEEP.items() if own == network}
        if network == "vgg19_small":  # its layers have a value before the ReLU; those of GoogLeNet are blocks
            rows = {layer.replace("relu", "conv"): number for layer, number in rows.items()}
        goals += values(network, rows, x, places=DEEP_PLACES)
    with torch.no_grad():
        maps = torch.cat([student[:DEEP_FROM](normalised(part)) for part in x.split(10)])
    later = student[DEEP_FROM:]
    start(later, maps, [(number - DEEP_FROM, *rest) for number, *rest in goals])
    return {}, later.state_dict()  # a slice keeps the numbers of the whole


def shipped(weights: dict[str, torch.Tensor]) -> nn.Sequential:
    """The student on images normalised as VGG16's, each layer's mean square 1 on the photographs learnt from."""
    student = make_layers(list(WIDTHS))
    student.load_state_dict(weights)
    with torch.no_grad():
        student[0].weight.div_(ROOM)
    whole = [
        images.resize(x, tuple(max(round(n * 256 / min(x.shape[2:])), 1) for n in x.shape[2:])) for x in pictures()
    ]
    level(student, [ROOM * normalised(x * 255) for x in whole])
    return student.half()


def quality(student: nn.Sequential) -> str:
    """Explained variance of VGG16's layers on the held-out photographs, by heads fitted on what was learnt from."""
    student, x = copy.deepcopy(student).float(), crops(600, SIDE, 200)
    goals = targets({("vgg16", layer): (*row[:1], max(row[1], 2), *row[2:]) for layer, row in VGG16.items()}, x)
    run = Distillation(student, lambda part: ROOM * normalised(x[part]), goals, pairs=0)
    unseen = (images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=224) * 255).round()
    theirs = teach("vgg16", unseen, tuple(VGG16))
    reached = []
    for layer, head, goal in zip(VGG16, run.heads, goals, strict=True):
        share = explained(student, head, ROOM * normalised(unseen), theirs[layer] / goal.size, goal.place)
        reached.append(f"{layer} {share:.2f}")
    return ", ".join(reached)


def main() -> None:
    """Train what is not trained yet, and write the weights."""
    _, first = PARTS.get("stages 1 to 3", shallow)
    _, second = DEEP_PARTS.get("stages 4 and 5", partial(deep, before=first))
    student = shipped(first | second)
    save_weights(
        "vgg_mini",
        {f"features.{name}": tensor for name, tensor in student.state_dict().items()},
        command="DEEPRESTORE_DATA=... make weights NAME=vgg_mini",
        data=f"crops and collages of photographs inside scikit-image, scikit-learn and matplotlib: "
        f"{', '.join(LEARNT_FROM)}, grace_hopper; taught by VGG16 (Simonyan & Zisserman 2015) up to conv3_3, the small "
        "VGG19 of Wang et al. (2020) and GoogLeNet (Szegedy et al. 2015), which were trained on ImageNet",
        licence="photographs: public domain, CC0, no known restrictions; china and flower CC BY 2.0. Teachers, as "
        "far as those who pass them on state it: VGG16 CC BY, small VGG19 MIT, GoogLeNet unrestricted use",
        seeds=[0],
        metric=f"explained variance of VGG16 on five held-out photographs: {quality(student)}; see the record vgg_mini",
    )
