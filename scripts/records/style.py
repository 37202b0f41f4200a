"""Textures and styles made by VGG16, beside those of vgg_mini, and each judged by the other.

Needs the local tier's VGG16 (DEEPRESTORE_DATA), whose layers end at relu3_3. Both make the same pictures from the same
starts: textures from Gram matrices, the astronaut in three painted styles. Judged by relative Gram errors: VGG16's at
relu1_1, relu2_1 and relu3_1, with each network's pictures.
"""

from __future__ import annotations

import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.core.artifacts import card, save_record
from deeprestore_lab.course.figures import encode
from deeprestore_lab.style import colour_noise, synthesise, texture_energy, transfer
from scripts.making.resumable import Parts, rounded

SIZE, STEPS = 128, 80
CUTS = {  # of photographs: top, left, side
    "gravel": ("gravel", 0, 0, 256),
    "brick": ("brick", 0, 0, 256),
    "grass": ("grass", 0, 0, 256),
    "tissue": ("immunohistochemistry", 100, 100, 384),
}
STYLES, CONTENT = ("swirls", "mosaic", "strokes"), "astronaut"
STYLE_SIZE, STYLE_STEPS, STYLE_WEIGHT, TV_WEIGHT = 160, 60, 10.0, 0.1
NETWORKS = {"vgg16": ("relu1_1", "relu2_1", "relu3_1"), "vgg_mini": None}
SETTINGS = {
    "size": SIZE,
    "steps": STEPS,
    "textures": [*CUTS, "mosaic"],
    "styles": list(STYLES),
    "style_size": STYLE_SIZE,
    "style_steps": STYLE_STEPS,
    "style_weight": STYLE_WEIGHT,
    "tv_weight": TV_WEIGHT,
}
PARTS = {
    "vgg16": Parts("style", SETTINGS),
    "vgg_mini": Parts("style_vgg_mini", SETTINGS | {"weights": card("vgg_mini", kind="weights").sha256}),
}


def example(name: str) -> torch.Tensor:
    """A texture, as the chapter cuts it."""
    if name not in CUTS:
        return images.pattern(name, size=SIZE)
    photograph, top, left, side = CUTS[name]
    return images.resize(images.photograph(photograph)[..., top : top + side, left : left + side], size=SIZE)


def make(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One picture of one network."""
    network, kind, name = key.split("/")
    net, layers = backbones.load(network), NETWORKS[network]
    if kind == "texture":
        trace = synthesise(example(name), net=net, layers=layers, steps=STEPS)
    else:
        trace = transfer(
            images.photograph(CONTENT, size=STYLE_SIZE),
            images.pattern(name, size=STYLE_SIZE),
            net=net,
            style_layers=layers,
            style_weight=STYLE_WEIGHT,
            tv_weight=TV_WEIGHT,
            steps=STYLE_STEPS,
        )
    energy = {"start": float(trace.energy[0]), "end": float(trace.energy[-1])}
    return energy, {"x": (255 * trace.x).round().to(torch.uint8)}


def main() -> None:
    """Make what is missing and write the record `style` with its pictures."""
    keys = [f"texture/{name}" for name in SETTINGS["textures"]] + [f"style/{name}" for name in STYLES]
    runs = {}
    for network, parts in PARTS.items():
        found = parts.all([f"{network}/{key}" for key in keys], make)
        runs |= {key: (numbers, tensors["x"].float() / 255) for key, (numbers, tensors) in found.items()}
    vgg16, judged = backbones.load("vgg16"), {}
    for name in SETTINGS["textures"]:
        energy = texture_energy(vgg16, example(name), layers=NETWORKS["vgg16"])
        with torch.no_grad():
            judged[name] = {network: float(energy(runs[f"{network}/texture/{name}"][1])) for network in NETWORKS}
            judged[name]["start"] = float(energy(colour_noise(example(name))))
    pictures = {f"{key.replace('/', '-')}.webp": encode(x) for key, (_, x) in runs.items()}
    save_record(
        "style",
        rounded({**SETTINGS, "energies": {key: numbers for key, (numbers, _) in runs.items()}, "vgg16_judges": judged}),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=style",
        data="photographs of scikit-image: astronaut, brick, grass, gravel, immunohistochemistry; pictures painted by "
        "this project; weights of VGG16 (Oxford, local tier) and vgg_mini",
        licence="photographs: see `data list --licences`; pictures made from them, no weights",
        seeds=[0],
        metric="VGG16's Gram error of textures made by VGG16 and by vgg_mini: "
        + ", ".join(f"{name} {own['vgg16']:.1e} and {own['vgg_mini']:.1e}" for name, own in judged.items()),
        pictures=pictures,
    )
