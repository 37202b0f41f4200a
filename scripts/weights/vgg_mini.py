"""The embedded backbone: VGG16's shape with a quarter of its channels, taught by the networks of the local tier.

Stages 1 to 3 learn from VGG16. What follows has no VGG16 to learn from here: mini4_1 to mini5_1 learn from the small
VGG19 of Wang et al. (2020), mini5_2 and mini5_3 from GoogLeNet and SqueezeNet. The crops come from photographs that are
free to use and stand inside scikit-image, scikit-learn and matplotlib; the held-out ones are never seen. Needs the
local tier (DEEPRESTORE_DATA).
"""

from __future__ import annotations

import copy
import sys
from functools import cache, partial
from pathlib import Path

import matplotlib
import torch
from torch import nn
from torch.nn.functional import pad
from torchvision.models.vgg import make_layers
from tqdm import tqdm

from deeprestore_lab import backbones, images
from deeprestore_lab.artifacts import save_weights
from deeprestore_lab.backbones.weights import VGG_CAFFE

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from collages import Collages, distorted  # noqa: E402
from distillation import Distillation, Target, at, explained, level, start, thinned  # noqa: E402
from resumable import Parts  # noqa: E402

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
DEEP = {  # (network, layer): the same
    ("vgg19_small", "relu4_1"): (18, 2, 1.0, True),
    ("vgg19_small", "relu4_2"): (20, 2, 0.5, False),
    ("vgg19_small", "relu4_4"): (22, 2, 0.5, True),
    ("vgg19_small", "relu5_1"): (25, 1, 1.0, True),
    ("googlenet", "inception_4b"): (27, 1, 0.5, False),
    ("googlenet", "inception_4e"): (29, 1, 1.0, True),
    ("squeezenet1_1", "fire9"): (29, 1, 0.5, False),
}
# pixels to mirror at each side, so that a position of these nets sees what the student's position sees
MARGINS = {"googlenet": 7, "squeezenet1_1": 8}
DEEP_START = (
    ("conv4_1", 17),
    ("conv4_2", 19),
    ("conv4_4", 21),
    ("conv5_1", 24),
    ("inception_4b", 26),
    ("inception_4e", 28),
)
SHALLOW, SIDE, CROPS, STEPS = 16, 96, 3000, 4000  # stages 1 to 3 are the first 16 modules
DEEP_FROM, DEEP_SIDE, DEEP_CROPS, DEEP_STEPS = 17, 160, 1200, 1500  # what comes after the third pooling
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
    "deep_size": [DEEP_SIDE, DEEP_CROPS, DEEP_STEPS],
}
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
    with torch.autocast("cpu", dtype=torch.bfloat16):
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


def places_for(count: int, size: int, *, seed: int) -> torch.Tensor:
    """Random places of square maps, `(count, START_PLACES, 2)`."""
    return torch.randint(size, (count, START_PLACES, 2), generator=torch.Generator().manual_seed(seed))


def values(network: str, layers: tuple[tuple[str, int], ...], x: torch.Tensor, side: int) -> list[tuple]:
    """For `start`: of each layer the module's number, places, and the teacher's values there."""
    scale = {name: 2 ** (int(name[-3]) - 1) if name.startswith("conv") else 16 for name, _ in layers}
    places = {name: places_for(len(x), side // scale[name], seed=number) for name, number in layers}
    found = {name: [] for name, _ in layers}
    for images_, first in zip(x.split(10), range(0, len(x), 10), strict=True):
        for name, maps in teach(network, images_, tuple(found)).items():
            found[name].append(at(maps, places[name][first : first + 10]).float())
    return [(number, places[name], torch.cat(found[name])) for name, number in layers]


def shallow(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Stages 1 to 3."""
    student = make_layers(list(WIDTHS))[:SHALLOW]
    x = crops(CROPS, SIDE, 200)
    convolutions = [place for place, module in enumerate(student) if isinstance(module, nn.Conv2d)]
    names = [name.replace("relu", "conv") for name in VGG16]
    start(
        student,
        normalised(x[:START_CROPS]),
        values("vgg16", tuple(zip(names, convolutions, strict=True)), x[:START_CROPS], SIDE),
    )
    goals = targets({("vgg16", layer): row for layer, row in VGG16.items()}, x)
    run = Distillation(student, lambda part: normalised(x[part]), goals, pairs=PAIRS)
    loss = run.descend(steps=STEPS, batch=BATCH, lr=LR, seed=0, checkpoint=PARTS.checkpoint(key), label=key)
    return {"loss": loss}, student.state_dict()


def deep(key: str, before: dict[str, torch.Tensor]) -> tuple[dict, dict[str, torch.Tensor]]:
    """Stages 4 and 5, on what stages 1 to 3 give, which stay as they are."""
    student = make_layers(list(WIDTHS))
    student.load_state_dict(before, strict=False)
    x = crops(DEEP_CROPS, DEEP_SIDE, 300)
    with torch.no_grad():
        maps = torch.cat([student[:DEEP_FROM](normalised(part)) for part in x.split(10)]).half()
    later = student[DEEP_FROM:]
    some = x[:START_CROPS]
    goals = values("vgg19_small", DEEP_START[:4], some, DEEP_SIDE) + values(
        "googlenet", DEEP_START[4:], some, DEEP_SIDE
    )
    start(later, maps[:START_CROPS].float(), [(place - DEEP_FROM, *rest) for place, *rest in goals])
    rows = {row: (place - DEEP_FROM, *rest) for row, (place, *rest) in DEEP.items()}
    run = Distillation(later, lambda part: maps[part].float(), targets(rows, x), pairs=PAIRS)
    loss = run.descend(steps=DEEP_STEPS, batch=BATCH, lr=LR, seed=1, checkpoint=DEEP_PARTS.checkpoint(key), label=key)
    return {"loss": loss}, later.state_dict()  # a slice keeps the numbers of the whole


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
        "VGG19 of Wang et al. (2020), GoogLeNet and SqueezeNet 1.1, all trained on ImageNet",
        licence="photographs: public domain, CC0, no known restrictions; china and flower CC BY 2.0. Teachers: VGG16 "
        "CC BY 4.0, small VGG19 MIT, SqueezeNet BSD, GoogLeNet for unrestricted use",
        seeds=[0],
        metric=f"explained variance of VGG16 on five held-out photographs: {quality(student)}; see the record vgg_mini",
    )


if __name__ == "__main__":
    main()
