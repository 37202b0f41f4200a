"""Retrieval and linear classification by layer, of networks with trained and with random weights, beside pixels.

Needs the local tier (DEEPRESTORE_DATA): CIFAR-10's lossless pictures, VGG16 up to relu3_3, SqueezeNet and GoogLeNet.
Every picture asks for its nearest neighbours among the others, by the mean of each channel over all positions; a ridge
classifier learns on three quarters and is tested on the rest, its weight chosen on a part of the three quarters. The
same for grey crops of the embedded photographs, where the label is the photograph. Also GoogLeNet's response
normalisation at one place, and the first filters of GoogLeNet and VGG16 as pictures.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import pad

from deeprestore_lab import backbones, images
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.measures.retrieval import descriptor, hit_rate, labelled_crops, linear_classifier, most_similar
from scripts.making.cifar10 import lossless
from scripts.making.resumable import Parts, rounded

COUNT, LEARNT = 2000, 1500
SIDES = {"vgg_mini": 64, "vgg16": 64, "squeezenet1_1": 128, "googlenet": 128}  # to which 32 x 32 are enlarged
LAYERS = {
    "vgg_mini": ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"],
    "vgg16": ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"],
    "squeezenet1_1": ["relu1", *(f"fire{n}" for n in range(2, 10)), "pool10"],
    "googlenet": ["relu1", "relu2", *(f"inception_{n}" for n in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"))]
    + ["loss3"],
}
CROPS = [
    *("astronaut", "brick", "camera", "cell", "chelsea", "china", "clock", "coffee", "coins", "flower", "grass"),
    *("gravel", "hubble", "immunohistochemistry", "moon", "motorcycle", "page", "retina", "rocket", "text"),
]
CROP, GALLERY, QUERIES = 64, 8, 4
SEEDS = {"vgg_mini": [0, 1, 2], "vgg16": [0], "squeezenet1_1": [0, 1, 2], "googlenet": [0]}  # of random weights
WEIGHTS, PROJECTED, DRAWS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), 64, (0, 1, 2)
SETTINGS = {
    "pictures": COUNT,
    "learnt": LEARNT,
    "sides": SIDES,
    "layers": LAYERS,
    "crops": CROPS,
    "crop_side": CROP,
    "gallery": GALLERY,
    "queries": QUERIES,
    "seeds": SEEDS,
    "weights": list(WEIGHTS),
    "projected": PROJECTED,
}
PARTS = Parts("retrieval", SETTINGS)


def cifar10() -> tuple[torch.Tensor, torch.Tensor]:
    """The first lossless pictures `(N, 3, 32, 32)` and their labels `(N,)`."""
    x, labels = lossless()
    return x[:COUNT], labels[:COUNT]


def crops() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries from the right half of each photograph and a gallery from the left one, with labels; three channels."""
    gallery, labels = labelled_crops(CROPS, side=CROP, count=GALLERY, part=(0.0, 0.5), seed=0)
    queries, own = labelled_crops(CROPS, side=CROP, count=QUERIES, part=(0.5, 1.0), seed=1)
    return even(queries).expand(-1, 3, -1, -1), own, even(gallery).expand(-1, 3, -1, -1), labels


def even(x: torch.Tensor) -> torch.Tensor:
    """Grey pictures with one mean and, nearly, one contrast, so that these do not give the photograph away."""
    deviation, mean = torch.std_mean(x, (1, 2, 3), keepdim=True)
    return 0.5 + 0.2 * (x - mean) / (deviation + 0.02)


@torch.no_grad()
def means(network: backbones.Backbone, x: torch.Tensor, layers: list[str], *, side: int) -> dict[str, torch.Tensor]:
    """The descriptor of every picture at every layer, `{layer: (N, C)}`."""
    rows = {layer: [] for layer in layers}
    for batch in x.split(50):
        batch = images.resize(batch, side) if batch.shape[2] != side else batch
        for layer, maps in network.features(batch, layers).items():
            rows[layer].append(descriptor(maps))
    return {layer: torch.cat(each) for layer, each in rows.items()}


def judged(rows: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """How often the nearest pictures have the label, and how often a ridge classifier finds it."""
    found = most_similar(rows, rows, count=10, leave_out_itself=True)
    scores = {"nearest": hit_rate(found[:, :1], labels, labels), "ten": hit_rate(found, labels, labels)}
    scores["linear"] = classified(rows, labels)
    if rows.shape[1] >= PROJECTED:  # the same number of values for every layer
        draws = [torch.randn(rows.shape[1], PROJECTED, generator=torch.Generator().manual_seed(s)) for s in DRAWS]
        scaled = (rows - rows.mean(0)) / rows.std(0).clamp_min(1e-12)
        scores["linear_projected"] = float(np.mean([classified(scaled @ draw, labels) for draw in draws]))
    return scores


def classified(rows: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of the last pictures that a ridge classifier puts into their class."""
    chosen_on = slice(LEARNT - 300, LEARNT)
    score = {}
    for weight in WEIGHTS:
        classify = linear_classifier(rows[: LEARNT - 300], labels[: LEARNT - 300], weight=weight)
        score[weight] = float((classify(rows[chosen_on]) == labels[chosen_on]).double().mean())
    classify = linear_classifier(rows[:LEARNT], labels[:LEARNT], weight=max(WEIGHTS, key=score.get))
    return float((classify(rows[LEARNT:]) == labels[LEARNT:]).double().mean())


def measure(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One network with one set of weights on both tasks, every layer."""
    name, weights = key.split("/")
    if weights == "trained":
        network = backbones.load(name, layers=LAYERS[name])
    else:
        network = backbones.load(name, "random", layers=LAYERS[name], seed=int(weights))
    x, labels = cifar10()
    numbers = {layer: judged(rows, labels) for layer, rows in means(network, x, LAYERS[name], side=SIDES[name]).items()}
    queries, own, gallery, labels = crops()
    asked, had = (means(network, batch, LAYERS[name], side=CROP) for batch in (queries, gallery))
    for layer in LAYERS[name]:
        found = most_similar(asked[layer], had[layer], count=GALLERY)
        numbers[layer]["crops"] = hit_rate(found[:, :1], own, labels)
        numbers[layer]["crops_all"] = hit_rate(found, own, labels)
    return numbers, {}


def plain(name: str, x: torch.Tensor) -> torch.Tensor:
    """Rows without a network: all pixels, the picture in 4 x 4 windows, the mean colour, or the size of frequencies."""
    if name == "spectrum":
        grey = x.mean(1) - x.mean((1, 2, 3))[:, None, None]
        return torch.fft.rfft2(grey).abs().log1p().flatten(1)
    return {"pixels": x.flatten(1), "windows": descriptor(x, grid=4), "colour": descriptor(x)}[name]


def without_a_network(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One way to describe a picture without a network, on both tasks."""
    x, labels = cifar10()
    scores = judged(plain(key, x), labels)
    queries, own, gallery, labels = crops()
    found = most_similar(plain(key, queries), plain(key, gallery), count=GALLERY)
    return scores | {"crops": hit_rate(found[:, :1], own, labels), "crops_all": hit_rate(found, own, labels)}, {}


def response_normalisation() -> dict:
    """GoogLeNet's first response normalisation on a photograph: its input at one place, and what it divides by."""
    network = backbones.load("googlenet")
    x = images.photograph("astronaut", size=192)
    maps = network.features(x, ["pool1", "norm1", "relu2", "norm2"])
    a, b = maps["pool1"][0], maps["norm1"][0]
    places = a.square().sum(0).flatten()
    place = int(places.argsort()[int(0.9 * places.numel())])
    divisors = {}
    for before, after in (("pool1", "norm1"), ("relu2", "norm2")):
        divisor = (maps[before] / maps[after])[maps[after] > 0]
        quantiles = divisor.quantile(torch.tensor([0.05, 0.5, 0.95]))
        divisors[after] = quantiles.tolist()
    return {"pool1": a.flatten(1)[:, place].tolist(), "norm1": b.flatten(1)[:, place].tolist(), "divisors": divisors}


def filters(name: str, layer: str) -> tuple[torch.Tensor, dict]:
    """The first filters as one picture, each stretched around grey, and how much of their energy is colour."""
    w = backbones.load(name).module.get_submodule(layer).weight  # (64, 3, k, k)
    grey = w.mean(1, keepdim=True)
    colour = 1 - 3 * grey.square().sum((1, 2, 3)) / w.square().sum((1, 2, 3))
    order = colour.argsort()
    shown = 0.5 + 0.5 * w / w.abs().amax((1, 2, 3), keepdim=True)
    tiles = pad(shown[order], (0, 1, 0, 1), value=1.0)  # a white line between
    k = tiles.shape[2]
    sheet = tiles.reshape(4, 16, 3, k, k).permute(2, 0, 3, 1, 4).reshape(1, 3, 4 * k, 16 * k)
    mostly = {"count": len(w), "colour_over_half": int((colour > 0.5).sum()), "colour": colour[order].tolist()}
    return sheet[..., :-1, :-1], mostly


def main() -> None:
    """Measure what is missing and write the record `retrieval` with its pictures."""
    sets = {name: ["trained", *map(str, seeds)] for name, seeds in SEEDS.items()}
    keys = [f"{name}/{weights}" for name, own in sets.items() for weights in own]
    runs = {key: numbers for key, (numbers, _) in PARTS.all(keys, measure).items()}
    ways = {
        key: numbers
        for key, (numbers, _) in PARTS.all(["pixels", "windows", "colour", "spectrum"], without_a_network).items()
    }
    sheets, colours = {}, {}
    for name, layer in (("googlenet", "conv1"), ("vgg16", "conv1_1")):
        sheet, colours[name] = filters(name, layer)
        sheets[f"{name}-filters.png"] = encode(sheet, format="png")
    content = {
        **SETTINGS,
        "networks": {name: {weights: runs[f"{name}/{weights}"] for weights in own} for name, own in sets.items()},
        "without": ways,
        "first_filters": colours,
        "response_normalisation": response_normalisation(),
    }
    deep = content["networks"]
    save_record(
        "retrieval",
        rounded(content),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=retrieval",
        data=f"{COUNT} lossless pictures of CIFAR-10; weights of VGG16 (Oxford), SqueezeNet 1.1 and GoogLeNet (BVLC); "
        "all of the local tier; crops of 20 photographs of scikit-image and scikit-learn",
        licence="no picture of CIFAR-10 is shipped; first filters of VGG16 (Creative Commons Attribution, as its "
        "redistributors state) and of GoogLeNet (released for unrestricted use) as pictures",
        seeds=sorted({seed for seeds in SEEDS.values() for seed in seeds}),
        metric="share of nearest pictures of the same class, CIFAR-10: pixels "
        f"{ways['pixels']['nearest']:.2f}, VGG16 relu3_3 {deep['vgg16']['trained']['relu3_3']['nearest']:.2f}, "
        f"GoogLeNet inception_5b {deep['googlenet']['trained']['inception_5b']['nearest']:.2f}",
        pictures=sheets,
    )
