"""What the small VGG16 is worth: agreement with VGG16 and SqueezeNet, explained variance, time, textures, classes.

Needs the local tier (DEEPRESTORE_DATA). Everything is judged on pictures the network never saw: the five held-out
photographs and Set5; textures are those of Gatys et al. and Texture Networks; classes are CIFAR-10's.
"""

from __future__ import annotations

import time
from functools import cache, partial

import torch
from torch.nn.functional import conv2d, normalize

from deeprestore_lab import backbones, data, images
from deeprestore_lab.core.artifacts import card, save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.data.local import local_path
from deeprestore_lab.images import painted_patterns
from deeprestore_lab.measures.metrics import ssim
from deeprestore_lab.measures.perceptual import distorted_pairs, explained_variance, linear_head, rank_agreement
from deeprestore_lab.measures.retrieval import descriptor, hit_rate, linear_classifier, most_similar
from deeprestore_lab.style import colour_noise, synthesise, texture_energy
from deeprestore_lab.training import Patches
from scripts.making.cifar10 import jpeg_pictures
from scripts.making.resumable import Parts, rounded
from scripts.making.vgg_mini.distillation import thinned
from scripts.weights import vgg_mini as teaching

SIZE, SEEDS = 128, (0, 1, 2, 3, 4)  # of the pictures that are distorted; of the networks with random weights
LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3")
SQUEEZENET = ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")  # those of LPIPS
STAGES = ("relu2_2", "relu3_3", "mini4_1", "mini4_3", "mini5_1", "mini5_2", "mini5_3")
SIDE, RUNS = 224, 10  # of the timing: the side of the image, and of how many runs the least time is taken
TEXTURE_SIDE, TEXTURE_STEPS = 128, 100
TEXTURES = {  # name: (network, layers)
    "vgg16": ("vgg16", ("relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu3_3")),
    "vgg_mini": ("vgg_mini", ("relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu3_3")),
    "vgg_mini, stages 1 to 5": ("vgg_mini", ("relu1_1", "relu2_1", "relu3_1", "mini4_1", "mini5_1")),
    "random weights": ("vgg_mini", ("relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu3_3")),
}
SHIPPED = ("coins", "mosaic", "gravel")  # the pictures of free ones are shipped; gravel was learnt from
EXAMPLES = (*SHIPPED, "pebbles", "red_peppers256")
GALLERY, QUERIES, ENLARGED = 2000, 1000, 64  # pictures of CIFAR-10, and the side they are enlarged to
SETTINGS = {
    "size": SIZE,
    "seeds": list(SEEDS),
    "side": SIDE,
    "runs": RUNS,
    "textures": [TEXTURE_SIDE, TEXTURE_STEPS],
    "classes": [GALLERY, QUERIES, ENLARGED],
    "weights": card("vgg_mini", kind="weights").sha256["vgg_mini.safetensors"],
}
PARTS = Parts("vgg_mini_record", SETTINGS)
load = cache(partial(backbones.load, allow_download=False))


@cache
def unseen(size: int) -> torch.Tensor:
    """Pictures that the network never saw: the held-out photographs, then Set5."""
    set5 = [images.crop(x, min(x.shape[2:])) for x in data.test_set("set5").values()]
    return torch.cat(
        [images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=size), *(images.resize(x, size) for x in set5)]
    )


def mini(seed: int | None = None) -> backbones.Backbone:
    """The small VGG16 as it is shipped, or with random weights."""
    return load("vgg_mini", "embedded") if seed is None else load("vgg_mini", "random", seed=seed)


Spec = tuple[tuple[str, ...], bool]  # layers, and whether each position's channels are brought to length one


@torch.no_grad()
def distances(network: backbones.Backbone, x: torch.Tensor, distorted: torch.Tensor, specs: list[Spec]) -> list:
    """`perceptual.distance` of each distorted image to its own of the N images x, for several choices in one pass."""
    layers = sorted({layer for own, _ in specs for layer in own}, key=network.layers.index)
    theirs, found = network.features(x, layers), []
    for part in distorted.split(len(x)):
        ours = network.features(part, layers)
        ends = {layer: (ours[layer], theirs[layer]) for layer in layers}
        unit_ends = {layer: (normalize(a), normalize(b)) for layer, (a, b) in ends.items()}
        apart = [
            {layer: (a - b).square().sum(1).mean((1, 2)) for layer, (a, b) in each.items()}
            for each in (ends, unit_ends)
        ]
        found.append(torch.stack([sum(apart[unit][layer] for layer in own) for own, unit in specs]))
    return list(torch.cat(found, 1))


@torch.no_grad()
def agreement(key: str) -> tuple[dict, dict]:
    """Rank agreement of distances over all distorted pairs, and the mean of that within each picture."""
    x = unseen(SIZE)
    reference, distorted, which = distorted_pairs(x)
    plain, unit, all_three = (("relu3_3",), False), (("relu3_3",), True), (("relu1_2", "relu2_2", "relu3_3"), True)
    shallow = (("relu2_2",), False)
    judges = dict(
        zip(
            ("vgg16 relu3_3", "vgg16 relu3_3, unit channels", "vgg16 relu2_2"),
            distances(load("vgg16", "local"), x, distorted, [plain, unit, shallow]),
            strict=True,
        )
    )
    (judges["squeezenet1_1"],) = distances(load("squeezenet1_1", "local"), x, distorted, [(SQUEEZENET, True)])
    names = ("relu3_3", "relu3_3, unit channels", "relu2_2", "mini4_3, unit channels", "mini5_3, unit channels")
    names += ("relu1_2 to relu3_3, unit channels",)
    specs = [plain, unit, shallow, (("mini4_3",), True), (("mini5_3",), True), all_three]
    found = distances(mini(), x, distorted, specs)
    ours = {f"vgg_mini {name}": values for name, values in zip(names, found, strict=True)}
    ours["mean squared error"] = (distorted - reference).square().mean((1, 2, 3))
    ours["1 - SSIM"] = 1 - ssim(distorted, reference)
    for seed in SEEDS:
        for name, values in zip(names[:2], distances(mini(seed), x, distorted, specs[:2]), strict=True):
            ours[f"random weights {name}, seed {seed}"] = values
    picture = torch.arange(len(reference)) % len(x)
    kinds = dict.fromkeys(kind for kind, _ in which)
    of_kind = {kind: torch.tensor([own == kind for own, _ in which]) for kind in kinds}
    rows = {}
    for name, values in (judges | ours).items():
        rows[name] = {}
        for judge, other in judges.items():
            within = [rank_agreement(values[picture == i], other[picture == i]) for i in range(len(x))]
            rows[name][judge] = {
                "all": rank_agreement(values, other),
                "within a picture": sum(within) / len(within),
                **{kind: rank_agreement(values[chosen], other[chosen]) for kind, chosen in of_kind.items()},
            }
    return {"pairs": len(reference), "rows": rows}, {}


@cache
def learnt_crops(count: int, side: int) -> torch.Tensor:
    """Plain crops of the photographs learnt from, their shorter sides 1.7, 2.7 and 4.2 times a crop's."""
    scaled = []
    for x in teaching.pictures():
        for shorter in (1.7 * side, 2.7 * side, 4.2 * side):
            scale = shorter / min(x.shape[2:])
            scaled.append(images.resize(x, tuple(round(scale * n) for n in x.shape[2:])))
    return Patches(scaled, size=side).draw(count, seed=0)


def maps_of(network: backbones.Backbone, x: torch.Tensor, layers: dict[str, int]) -> dict[str, torch.Tensor]:
    """Maps of many images at every so many places, by layer."""
    found = {layer: [] for layer in layers}
    for part in x.split(10):
        for layer, maps in network.features(part, list(layers)).items():
            found[layer].append(thinned(maps, layers[layer]).clone())
    return {layer: torch.cat(maps) for layer, maps in found.items()}


def best_subspace(learnt: torch.Tensor, unseen_: torch.Tensor, channels: int) -> float:
    """What the first principal components of the teacher itself explain, as many as the student has channels."""
    columns = learnt.movedim(1, -1).flatten(0, 2).double()
    mean = columns.mean(0)
    basis = torch.linalg.eigh((columns - mean).T @ (columns - mean)).eigenvectors[:, -channels:].float()
    kernel, mean = (basis @ basis.T)[..., None, None], mean.float().reshape(1, -1, 1, 1)
    return explained_variance(conv2d(unseen_ - mean, kernel) + mean, unseen_)


@torch.no_grad()
def variance(key: str) -> tuple[dict, dict]:
    """Explained variance of VGG16's layers on unseen pictures, by heads fitted on crops of those learnt from."""
    x, y, sparse = learnt_crops(400, 96), unseen(SIDE), {layer: teaching.VGG16[layer][1] for layer in LAYERS}
    dense = dict.fromkeys(LAYERS, 1)
    vgg16 = load("vgg16", "local")
    goals, theirs = maps_of(vgg16, x, sparse), maps_of(vgg16, y, dense)
    rows: dict[str, dict[str, list[float]]] = {layer: {"random weights": []} for layer in LAYERS}
    for seed in (None, *SEEDS):
        own, ours = maps_of(mini(seed), x, sparse), maps_of(mini(seed), y, dense)
        for layer in LAYERS:
            share = explained_variance(linear_head(own[layer], goals[layer])(ours[layer]), theirs[layer])
            if seed is None:
                rows[layer]["vgg_mini"] = share
            else:
                rows[layer]["random weights"].append(share)
        if seed is None:
            for layer in LAYERS:
                channels = ours[layer].shape[1]
                rows[layer]["vgg16's own components"] = best_subspace(goals[layer], theirs[layer], channels)
    return rows, {}


@torch.no_grad()
def deep_variance(key: str) -> tuple[dict, dict]:
    """The same for stages 4 and 5 and their teachers, whose grids are laid on the student's."""
    x, y, rows = learnt_crops(300, 160), unseen(SIDE), {}
    y = (y * 255).round()
    places = {18: "mini4_1", 20: "mini4_2", 22: "mini4_3", 25: "mini5_1", 27: "mini5_2", 29: "mini5_3"}
    layers = dict.fromkeys(places.values(), 1)
    maps = {seed: (maps_of(mini(seed), x, layers), maps_of(mini(seed), y / 255, layers)) for seed in (None, *SEEDS[:2])}
    for (network, layer), (place, *_) in teaching.DEEP.items():
        goal = torch.cat([teaching.teach(network, (part * 255).round(), (layer,))[layer] for part in x.split(10)])
        theirs = torch.cat([teaching.teach(network, part, (layer,))[layer] for part in y.split(5)])
        name = places[place]
        shares = [
            explained_variance(linear_head(own[name], goal, weight=1e-3)(ours[name]), theirs)
            for own, ours in maps.values()
        ]
        rows[f"{name} of {network} {layer}"] = {"vgg_mini": shares[0], "random weights": shares[1:]}
    return rows, {}


def seconds(step) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def times(key: str) -> tuple[dict, dict]:
    """The least of `RUNS` times on one thread, both networks in turn; VGG16 beyond relu3_3 with random weights."""
    threads, rows = torch.get_num_threads(), {}
    torch.set_num_threads(1)
    x = images.photograph("astronaut", size=SIDE)
    for theirs, ours in (("relu2_2", "relu2_2"), ("relu3_3", "relu3_3"), ("relu5_1", "mini5_1")):
        tier = "random" if theirs == "relu5_1" else "local"
        nets = {"vgg16": load("vgg16", tier, layers=(theirs,)).at(theirs), "vgg_mini": mini().at(ours)}

        def forward(phi) -> None:
            with torch.no_grad():
                phi(x)

        def gradient(phi) -> None:
            own = x.clone().requires_grad_()
            phi(own).square().sum().backward()

        row = {}
        for name, step in (("forward", forward), ("forward and gradient", gradient)):
            least = dict.fromkeys(nets, float("inf"))
            for _ in range(RUNS + 1):  # the first one warms up, and is never the least
                for net, phi in nets.items():
                    least[net] = min(least[net], seconds(partial(step, phi)))
            row[name] = least | {"ratio": least["vgg16"] / least["vgg_mini"]}
        rows[theirs] = row
    torch.set_num_threads(threads)
    return rows, {}


def example(name: str) -> torch.Tensor:
    """A texture to imitate: a free one, or one of the local folder."""
    if name in images.photograph_names():
        return images.photograph(name, size=TEXTURE_SIDE if name == "coins" else 2 * TEXTURE_SIDE)[
            ..., :TEXTURE_SIDE, :TEXTURE_SIDE
        ]
    if name in painted_patterns.PAINTED:
        return painted_patterns.painted(name, TEXTURE_SIDE, TEXTURE_SIDE, 0)
    return images.load(next(local_path("texture").glob(f"{name}*")), size=TEXTURE_SIDE)


def texture(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """A texture made by each network from the same noise; all judged by VGG16's Gram matrices."""
    x = example(key)
    judge = texture_energy(load("vgg16", "local"), x, layers=TEXTURES["vgg16"][1])
    numbers, shown = {}, [x]
    for name, (network, layers) in TEXTURES.items():
        net = load(network, "random", seed=0) if "random" in name else load(network)
        begun = time.perf_counter()
        trace = synthesise(x, net=net, layers=layers, steps=TEXTURE_STEPS, seed=0, progress=False)
        took = time.perf_counter() - begun
        shown.append(trace.x.clamp(0, 1))
        with torch.no_grad():
            numbers[name] = {"vgg16's error": float(judge(shown[-1])), "seconds": took}
    with torch.no_grad():
        numbers["start"] = {"vgg16's error": float(judge(colour_noise(x, seed=0)))}
    framed = [torch.nn.functional.pad(picture, (2, 2, 2, 2), value=1.0) for picture in shown]
    return numbers, {"shown": (torch.cat(framed, -1) * 255).round().byte()}


def cifar10(split: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first pictures of CIFAR-10, enlarged, and their classes."""
    x, labels = jpeg_pictures(split, count)
    return images.resize(x, ENLARGED), labels


@torch.no_grad()
def classes(key: str) -> tuple[dict, dict]:
    """How often the 5 nearest pictures, and a linear classifier, name the class: means of features over positions."""
    (gallery, labels), (queries, own) = cifar10("train", GALLERY), cifar10("test", QUERIES)
    nets = {"vgg_mini": (mini(), STAGES), "vgg16": (load("vgg16", "local"), ("relu2_2", "relu3_3"))}
    nets["squeezenet1_1"] = (load("squeezenet1_1", "local"), ("fire3", "fire5", "fire9"))
    nets["googlenet"] = (load("googlenet", "local"), ("inception_4b", "inception_4e"))
    nets |= {f"random weights, seed {seed}": (mini(seed), ("relu3_3", "mini5_3")) for seed in SEEDS[:2]}
    features = {"pixels, 8 x 8": [descriptor(x, grid=8) for x in (gallery, queries)]}
    for name, (net, layers) in nets.items():
        found = {layer: [[], []] for layer in layers}
        for which, x in enumerate((gallery, queries)):
            for part in x.split(50):
                for layer, maps in net.features(part, layers).items():
                    found[layer][which].append(descriptor(maps))
        features |= {f"{name} {layer}": [torch.cat(rows) for rows in found[layer]] for layer in layers}
    rows = {}
    for name, (there, asked) in features.items():
        right = linear_classifier(there, labels, weight=0.01)(asked) == own
        neighbours = hit_rate(most_similar(asked, there, count=5), own, labels)
        rows[name] = {"neighbours": neighbours, "linear": float(right.double().mean())}
    return rows, {}


def main() -> None:
    """Measure what is not measured yet, and write the record `vgg_mini`."""
    kinds = {
        "agreement": agreement,
        "variance": variance,
        "deep variance": deep_variance,
        "times": times,
        "classes": classes,
    }
    parts = {name: PARTS.get(name, measure)[0] for name, measure in kinds.items()}
    textures = PARTS.all(list(EXAMPLES), texture)
    pictures = [textures[name][1]["shown"] for name in SHIPPED]
    ranks, judge = parts["agreement"]["rows"], "vgg16 relu3_3"
    random = [ranks[f"random weights relu3_3, seed {seed}"][judge]["all"] for seed in SEEDS]
    rho = {name: ranks[name][judge]["all"] for name in ("vgg_mini relu3_3", "mean squared error", "1 - SSIM")}
    speed = parts["times"]["relu3_3"]
    content = {**SETTINGS, **parts, "textures_shown": list(SHIPPED), "columns": ["example", *TEXTURES]}
    content["texture_errors"] = {name: numbers for name, (numbers, _) in textures.items()}
    save_record(
        "vgg_mini",
        rounded(content),
        command="DEEPRESTORE_DATA=... make records NAME=vgg_mini",
        data="held-out photographs of scikit-image, Set5, CIFAR-10, two textures and the networks of the local tier",
        licence="numbers, and pictures made from photographs of scikit-image and from a pattern of this project",
        seeds=list(SEEDS),
        metric=f"Spearman with VGG16's relu3_3 distances over {parts['agreement']['pairs']} distorted pairs: "
        f"{rho['vgg_mini relu3_3']:.4f} (squared error {rho['mean squared error']:.2f}, 1 - SSIM "
        f"{rho['1 - SSIM']:.2f}, random weights {sum(random) / len(random):.2f}); explained variance at relu3_3 "
        f"{parts['variance']['relu3_3']['vgg_mini']:.2f}; at relu3_3 {speed['forward']['ratio']:.1f} times as fast, "
        f"with the gradient {speed['forward and gradient']['ratio']:.1f} times",
        pictures={"textures.webp": encode(torch.cat(pictures, -2).float() / 255)},
    )
