"""Where pretrained weights come from, in tiers, with the normalisation each set of them was trained with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import safetensors.torch
import torch

from deeprestore_lab import data
from deeprestore_lab.backbones.branching import googlenet, squeezenet
from deeprestore_lab.backbones.stages import Stage, alexnet, head, small_vgg19, vgg
from deeprestore_lab.core.artifacts import load_weights
from deeprestore_lab.data.files import downloads_allowed
from deeprestore_lab.data.local import local_files, local_path

Colour = tuple[float, float, float]
IMAGENET: tuple[Colour, Colour] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation, torchvision's
VGG_CAFFE: tuple[Colour, Colour] = (123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3
CAFFE: tuple[Colour, Colour] = (123 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3
AS_IT_IS: tuple[Colour, Colour] = (0.0,) * 3, (1.0,) * 3
TIERS = ("local", "torchvision", "embedded")
VGG_HEAD = partial(head, 512, 7, places=(0, 3, 6))
_SMALL_VGG19 = "vgg19_small16x_encoders_decoders_fp32.safetensors"


@dataclass(frozen=True)
class Weights:
    """One set of weights: its file or its name in the tier, what an image is normalised by, and its last layer."""

    file: str
    colour: tuple[Colour, Colour]
    last: str
    note: str


LAYOUTS: dict[str, Callable[[], list[Stage]]] = {
    "alexnet": alexnet,
    "vgg11": lambda: vgg((1, 1, 2, 2, 2)) + VGG_HEAD(),
    "vgg16": lambda: vgg((2, 2, 3, 3, 3)) + VGG_HEAD(),
    "vgg19": lambda: vgg((2, 2, 4, 4, 4)) + VGG_HEAD(),
    "squeezenet1_1": squeezenet,
    "googlenet": googlenet,
    "vgg19_small": partial(small_vgg19, 5),
    **{f"vgg19_small_{encoder}": partial(small_vgg19, encoder) for encoder in range(1, 5)},
    "vgg_mini": partial(vgg, (2, 2, 3, 3, 3), (16, 32, 64, 128, 128), mini=True),
}
NETWORKS = tuple(LAYOUTS)
WEIGHTS: dict[str, dict[str, Weights]] = {
    "alexnet": {"torchvision": Weights("alexnet", IMAGENET, "fc8", "torchvision's")},
    "vgg11": {"torchvision": Weights("vgg11", IMAGENET, "fc8", "torchvision's")},
    "vgg16": {
        "local": Weights("vgg16_conv1_1-conv3_3_caffe_fp32.safetensors", VGG_CAFFE, "pool3", "Caffe's, to pool3"),
        "torchvision": Weights("vgg16", IMAGENET, "fc8", "torchvision's"),
    },
    "vgg19": {"torchvision": Weights("vgg19", IMAGENET, "fc8", "torchvision's")},
    "squeezenet1_1": {
        "local": Weights("squeezenet1_1_caffe_fp32.safetensors", CAFFE, "pool10", "Caffe's"),
        "torchvision": Weights("squeezenet", IMAGENET, "pool10", "torchvision's"),
    },
    "googlenet": {"local": Weights("googlenet_bvlc_caffe_fp16.safetensors", CAFFE, "loss3", "Caffe's, float16")},
    "vgg19_small": {"local": Weights(_SMALL_VGG19, AS_IT_IS, "relu5_1", "distilled by Wang et al. (2020)")},
    **{
        f"vgg19_small_{k}": {"local": Weights(_SMALL_VGG19, AS_IT_IS, f"relu{k}_1", "distilled by Wang et al. (2020)")}
        for k in range(1, 5)
    },
    "vgg_mini": {"embedded": Weights("vgg_mini", VGG_CAFFE, "pool5", "distilled by this project")},
}


@cache
def layer_names(network: str) -> tuple[str, ...]:
    """The layers of a network, from the image on, by the names of the literature.

    Raises `ValueError` for another network. Taught in chapter 06_architectures.

    >>> layer_names("vgg16")[:5]
    ('conv1_1', 'relu1_1', 'conv1_2', 'relu1_2', 'pool1')
    """
    check_network(network)
    with torch.device("meta"):  # names only: nothing is allocated
        return tuple(stage.name for stage in LAYOUTS[network]())


def check_network(network: str) -> str:
    """Return `network` if there is one of that name, else raise `ValueError` that lists them."""
    if network not in LAYOUTS:
        raise ValueError(f"there is no network {network!r}; there are {', '.join(NETWORKS)}")
    return network


def check_layers(network: str, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers as a tuple if the network has them all, else raise `ValueError` that lists what it has."""
    if isinstance(layers, str) or not layers:
        raise ValueError(f"layers must be a sequence of layer names, at least one, got {layers!r}")
    names = layer_names(network)
    if wrong := [layer for layer in layers if layer not in names]:
        raise ValueError(f"{network} has no layer {wrong[0]!r}; its layers are {', '.join(names)}")
    return tuple(layers)


def reaches(network: str, tier: str, layers: Sequence[str]) -> bool:
    """Whether the weights of a tier go as deep as these layers."""
    names = layer_names(network)
    return max(map(names.index, layers), default=0) <= names.index(WEIGHTS[network][tier].last)


def at_hand(network: str, tier: str, *, allow_download: bool | None = None) -> bool:
    """Whether the weights of a tier can be had now: a file that is there, or a download that is allowed."""
    own = WEIGHTS[network][tier]
    if tier == "local":
        folder = local_path("weights")
        return folder is not None and (folder / own.file).is_file()
    return tier == "embedded" or data.downloads.fetched(own.file) or downloads_allowed(allow_download)


def read(network: str, tier: str) -> dict[str, torch.Tensor]:
    """The weights of a tier, float32, by the names in their file; their sum is checked where one is known.

    Raises `DataError` for a file that is damaged or cannot be read.
    """
    own = WEIGHTS[network][tier]
    if tier == "embedded":
        found = load_weights(own.file)
    elif tier == "torchvision":  # torchvision's own format; torch's reader that knows tensors only
        read_file = partial(torch.load, map_location="cpu", weights_only=True, mmap=True)
        found = _read_whole(data.fetch(own.file), read_file)
    else:
        file = next(file for file in local_files("weights", (".safetensors",)) if file.name == own.file)
        found = _read_whole(file, safetensors.torch.load_file)
    return {name: tensor.float() for name, tensor in found.items()}


def _read_whole(file: Path, read_file: Callable[[Path], dict]) -> dict[str, torch.Tensor]:
    """What a file of weights holds: readers fail on a damaged one in many ways, each means the same."""
    try:
        found = read_file(file)
    except Exception as error:
        raise data.DataError(f"{file.name} is damaged or no file of weights ({error}); get it again") from error
    if not isinstance(found, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
        raise data.DataError(f"{file.name} is no file of weights: it does not hold tensors by name; get it again")
    return found


def how_to_get(network: str, layers: Sequence[str] = ()) -> str:
    """What each tier offers of a network, and what to do to have it."""
    ways = []
    for tier, own in WEIGHTS[network].items():
        if not reaches(network, tier, layers):
            ways.append(f"the {tier} tier has it up to {own.last} only")
        elif tier == "local":
            ways.append(f"the local tier: put {own.file} into weights/ of the folder that DEEPRESTORE_DATA names")
        else:
            command = f"python -m deeprestore_lab data fetch {own.file}"
            ways.append(f"the network tier: `{command}`, or allow downloads with DEEPRESTORE_DOWNLOAD=1")
    return "; ".join(ways)
