"""What training does to effective receptive fields: VGG16 up to conv3_3 and SqueezeNet, trained and with new weights.

Needs the local tier's weights (DEEPRESTORE_DATA). Spread and central square of the gradient energy behind layers, on
embedded photographs, each network beside three of the same architecture with He's initialisation. Behind conv3_3 also
for every channel by itself, since in the sum the channels with large gradients count most. To see why training matters:
VGG16's trained weights with a random sign for each weight, and with one for each kernel, which leaves its taps as alike
as they were; and how much of the kernels' energy is in their mean and in their middle.
"""

from __future__ import annotations

import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from deeprestore_lab import images
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.data.local import local_files
from deeprestore_lab.signal.arithmetic import (
    ReceptiveField,
    central_square,
    conv,
    effective_field,
    pool,
    receptive_field,
    spread,
    trace_layers,
)
from scripts.making.resumable import Parts, rounded

PICTURES = ["astronaut", "coffee", "chelsea", "rocket", "china", "flower"]
SIDES = {"vgg16": 128, "squeezenet": 256}  # of the photographs; a field must lie inside
CUTS = {  # names of layers, and how many modules of `features` end with them
    "vgg16": {"conv1_1": 1, "conv1_2": 3, "conv2_1": 6, "conv2_2": 8, "conv3_1": 11, "conv3_2": 13, "conv3_3": 15},
    "squeezenet": {
        "conv1": 1,
        **{f"fire{n}": k for n, k in zip(range(2, 10), (4, 5, 7, 8, 10, 11, 12, 13), strict=True)},
    },
}
FILES = {"vgg16": "vgg16_conv1_1-conv3_3_caffe_fp32.safetensors", "squeezenet": "squeezenet1_1_caffe_fp32.safetensors"}
MEANS = {"vgg16": (123.68, 116.779, 103.939), "squeezenet": (123.0, 117.0, 104.0)}
SHOWN = {"vgg16": ("conv1_2", "conv2_2", "conv3_3"), "squeezenet": ("fire3", "fire5", "fire9")}
SEEDS, PROBES = (0, 1, 2), 4
SETTINGS = {"pictures": PICTURES, "sides": SIDES, "probes": PROBES, "seeds": list(SEEDS)}
PARTS = Parts("effective_fields", SETTINGS)


def features(name: str, weights: str) -> nn.Sequential:
    """The convolutions of a network: "trained", with random "signs" or "kernel_signs", or He's from a seed."""
    make = {"vgg16": torchvision.models.vgg16, "squeezenet": torchvision.models.squeezenet1_1}[name]
    with torch.device("meta"):
        network = make(weights=None).features[: max(CUTS[name].values())]
    network = network.to_empty(device="cpu").eval().requires_grad_(False)
    if weights in ("trained", "signs", "kernel_signs"):
        (path,) = (file for file in local_files("weights", (".safetensors",)) if file.name == FILES[name])
        own = {key.removeprefix("features."): value for key, value in load_file(path).items()}
        if weights != "trained":
            draw = torch.Generator().manual_seed(0)
            for key, v in own.items():
                shape = (*v.shape[:2], 1, 1) if weights == "kernel_signs" and v.ndim == 4 else v.shape
                own[key] = v * (1 - 2.0 * torch.randint(2, shape, generator=draw))
        network.load_state_dict({key: own[key] for key in network.state_dict()})
    else:
        draw = torch.Generator().manual_seed(int(weights))
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=draw)
                nn.init.zeros_(module.bias)
    return network


def field_of(name: str, layer: str) -> ReceptiveField:
    """The theoretical field: along the 3 x 3 path of SqueezeNet's branches, which holds that of the 1 x 1 path."""
    cut = CUTS[name][layer]
    if name == "vgg16":
        return receptive_field(trace_layers(features(name, "0")[:cut], torch.zeros(1, 3, 64, 64)))
    path = [conv(1, 1, kernel=3, stride=2)]
    for module in features(name, "0")[2:cut]:
        pooling = isinstance(module, nn.MaxPool2d)
        path.append(pool(3, 2, ceil_mode=True) if pooling else conv(1, 1, kernel=3, padding=1))
    return receptive_field(path)


def batch(name: str) -> torch.Tensor:
    """The photographs as the network was trained on them: bytes less the mean."""
    x = images.photographs(PICTURES, size=SIDES[name])
    return 255 * x - torch.tensor(MEANS[name])[:, None, None]


def measure(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One network: each of its layers, and the windows that are shown."""
    name, weights = key.split("/")
    network, x, numbers, windows = features(name, weights), batch(name), {}, {}
    for layer, cut in CUTS[name].items():
        field = field_of(name, layer)
        energy = effective_field(network[:cut], x, field, probes=PROBES)
        numbers[layer] = {
            "size": field.size[0],
            "spread": sum(spread(energy)) / 2,
            "square": central_square(energy),
        }
        if layer in SHOWN[name]:
            windows[layer] = energy
    return numbers, windows


def by_channel(weights: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Quartiles of the spread of conv3_3's channels, each by itself (those with a gradient somewhere)."""
    network, field = features("vgg16", weights), field_of("vgg16", "conv3_3")
    side = field.smallest_image()[0]
    x = batch("vgg16").unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, side, side)
    x, spreads = x[::5], []
    for channel in range(256):
        energy = effective_field(lambda v, c=channel: network[:15](v)[:, c : c + 1], x, field, probes=1)
        if energy.sum() > 0:
            spreads.append(sum(spread(energy)) / 2)
    quartiles = torch.tensor(spreads).quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
    return {"channels": len(spreads), "quartiles": quartiles}, {}


def kernels(weights: str) -> dict[str, list[float]]:
    """How much of the energy of VGG16's kernels is in their mean, and in their middle tap: each 1/9 at random."""
    found = {"mean": [], "middle": []}
    for module in features("vgg16", weights):
        if isinstance(module, nn.Conv2d):
            w = module.weight
            found["mean"].append(float(w.sum((2, 3)).square().sum() / (9 * w.square().sum())))
            found["middle"].append(float(w[..., 1, 1].square().sum() / w.square().sum()))
    return found


def main() -> None:
    """Measure what is missing and write the record `effective_fields` with its pictures."""
    variants = ["trained", *map(str, SEEDS)]
    redrawn = ["vgg16/signs", "vgg16/kernel_signs"]
    runs = PARTS.all([*(f"{name}/{weights}" for name in CUTS for weights in variants), *redrawn], measure)
    channels = {w: PARTS.get(f"channels/{w}", lambda key: by_channel(key.split("/")[1]))[0] for w in ("trained", "0")}
    content = {
        **SETTINGS,
        "networks": {name: {weights: runs[f"{name}/{weights}"][0] for weights in variants} for name in CUTS},
        "random_signs": runs["vgg16/signs"][0],
        "random_signs_of_kernels": runs["vgg16/kernel_signs"][0],
        "kernels": {weights: kernels(weights) for weights in ("trained", "0")},
        "conv3_3_by_channel": channels,
    }
    pictures = {}
    for key in (f"{name}/{weights}" for name in CUTS for weights in ("trained", "0")):
        for layer, energy in runs[key][1].items():
            window = (energy / energy.max()).sqrt()[None, None]
            pictures[f"{key.replace('/', '-')}-{layer}.png"] = encode(window, format="png")
    last = content["networks"]["vgg16"]
    save_record(
        "effective_fields",
        rounded(content),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=effective_fields",
        data=f"photographs of scikit-image: {', '.join(PICTURES)}; "
        "weights of VGG16 (Oxford) and SqueezeNet 1.1 (local tier)",
        licence="photographs: see `data list --licences`; numbers and pictures of gradients only, no weights",
        seeds=list(SEEDS),
        metric=f"spread behind conv3_3, in pixels: trained {last['trained']['conv3_3']['spread']:.2f}, "
        + ", ".join(f"{last[str(seed)]['conv3_3']['spread']:.2f}" for seed in SEEDS)
        + " untrained",
        pictures=pictures,
    )
