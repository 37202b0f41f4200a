"""The denoiser of chapter 04 that is told the level of the noise, trained on free photographs."""

from __future__ import annotations

import torch

from deeprestore_lab import images
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.images.corruptions import corrupt
from deeprestore_lab.measures import metrics
from deeprestore_lab.networks.denoising_unet import DenoisingUNet
from scripts.making.denoiser_training import PARTS, train
from scripts.making.photographs.learnt import DATA, LICENCE

NET = "colour"
LEVELS = (10, 25, 50)  # over 255


def quality(weights: dict[str, torch.Tensor], level: int) -> float:
    """Mean PSNR over the held-out photographs, 128 x 128, of the weights as they are shipped."""
    network = DenoisingUNet()
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=128)
    y = corrupt(x, "gaussian", seed=0, level=level / 255)
    with torch.no_grad():
        return float(metrics.psnr(network(y, level / 255), x).mean())


def main() -> None:
    """Train the net if that was not done yet, and write it."""
    weights = PARTS.get(NET, train)[1]
    reached = ", ".join(f"{quality(weights, level):.2f} at {level}/255" for level in LEVELS)
    save_weights(
        "denoising_unet",
        weights,
        command="make weights NAME=denoising_unet",
        data=DATA,
        licence=LICENCE,
        seeds=[0],
        metric=f"mean PSNR in dB on five held-out photographs of 128 x 128: {reached}",
    )
