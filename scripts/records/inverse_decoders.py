"""The shipped inverse networks beside decoders that others trained: those of the small VGG19 of Wang et al. (2020).

Their five decoders invert relu1_1 to relu5_1 of encoders that were trained with decoders, on many more photographs.
PSNR and SSIM on the five photographs of the shipped card, 128 x 128. Encoders and decoders are of the local tier; the
record holds numbers only.
"""

from __future__ import annotations

from functools import cache

import torch
from safetensors.torch import load_file
from torch import nn

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.backbones.weights import WEIGHTS
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.data.local import local_files
from deeprestore_lab.inverse_networks.shipped import inverse_network
from deeprestore_lab.inverse_networks.training import maps_of
from deeprestore_lab.measures.metrics import psnr, ssim
from scripts.making.resumable import rounded

RECORD, SIDE = "inverse_decoders", 128
SHIPPED = ("relu1_2", "relu2_2", "relu3_3")
ORDER = ["51", "up", "44", "43", "42", "41", "up", "34", "33", "32", "31", "up", "22", "21", "up", "12", "11"]
SETTINGS = {"side": SIDE}


class Decoder(nn.Module):
    """The decoder of the small VGG19 from relu{depth}_1, as its authors wrote it: reflected borders, a ReLU each."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        held, steps = weights(), []
        for name in ORDER[ORDER.index(f"{depth}1") :]:
            if name == "up":
                steps.append(nn.Upsample(scale_factor=2))
                continue
            weight, bias = (held[f"D{depth}.conv{name}.{kind}"] for kind in ("weight", "bias"))
            own = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, padding_mode="reflect")
            own.load_state_dict({"weight": weight, "bias": bias})
            steps += [own, nn.ReLU()]
        self.steps = nn.Sequential(*steps)

    def forward(self, f: torch.Tensor) -> torch.Tensor:
        return self.steps(f)


@cache
def weights() -> dict[str, torch.Tensor]:
    """Encoders and decoders, by the names of their file."""
    name = WEIGHTS["vgg19_small"]["local"].file
    return load_file(next(file for file in local_files("weights", (".safetensors",)) if file.name == name))


@cache
def pictures() -> torch.Tensor:
    """The photographs of the shipped card, which nothing here learnt from."""
    return images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=SIDE)


def name_of(depth: int) -> str:
    """The network whose last layer is relu{depth}_1."""
    return "vgg19_small" if depth == 5 else f"vgg19_small_{depth}"


@torch.no_grad()
def decoded(depth: int) -> dict:
    """What the authors' decoder gives back."""
    layer, x, decoder = f"relu{depth}_1", pictures(), Decoder(depth)
    f = load(name_of(depth), "local").at(layer)(x)
    back = decoder(f).clamp(0, 1)
    return _row(back, f, decoder)


@torch.no_grad()
def shipped(layer: str) -> dict:
    """What a shipped inverse network gives back."""
    inverse = inverse_network(layer)
    f = maps_of(inverse, pictures())[layer]
    return _row(inverse(f, (SIDE, SIDE)).clamp(0, 1), f, inverse.steps)


def _row(back: torch.Tensor, f: torch.Tensor, network: nn.Module) -> dict:
    return {
        "psnr": float(psnr(back, pictures()).mean()),
        "ssim": float(ssim(back, pictures()).mean()),
        "map": list(f.shape[1:]),
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    theirs = {f"relu{depth}_1": decoded(depth) for depth in range(1, 6)}
    own = {layer: shipped(layer) for layer in SHIPPED}
    save_record(
        RECORD,
        rounded({**SETTINGS, "decoders": theirs, "shipped": own}),
        command=f"make records NAME={RECORD}",
        data="the five held-out photographs of the library; encoders and decoders of the local tier",
        licence="photographs: CC0, public domain; the record holds numbers only",
        seeds=[],
        metric="PSNR in dB: "
        + "; ".join(f"decoder {layer} {row['psnr']:.2f}" for layer, row in theirs.items())
        + "; "
        + "; ".join(f"shipped {layer} {row['psnr']:.2f}" for layer, row in own.items()),
    )
