"""The inverse networks of chapter 17: `vgg_mini` at relu1_2, relu2_2 and relu3_3, end to end on squared errors.

They belong to the encoder whose weights the card names. Each is kept at the step that was best on crops of a photograph
that it does not learn from.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.inverse_networks.evaluation import scores
from deeprestore_lab.inverse_networks.shipped import SHAPES, untrained
from deeprestore_lab.inverse_networks.training import map_batches, maps_of, train
from deeprestore_lab.training import cosine
from scripts.making.inverse_training import PATCH, SIDES, learnt_patches, stop_by
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import Parts
from scripts.making.style_pictures import encoder_sum

STEPS = {"relu1_2": 2500, "relu2_2": 4000, "relu3_3": 8000}
BATCH, LR = 8, 3e-3
ENCODER = encoder_sum("relu3_3")
SETTINGS = {
    "shapes": {layer: {**shape, "cuts": list(shape["cuts"])} for layer, shape in SHAPES.items()},
    "steps": STEPS,
    "batch": BATCH,
    "lr": LR,
    "patch": PATCH,
    "sides": list(SIDES),
    "encoder": ENCODER,
}
PARTS = Parts("inverse_networks_weights", SETTINGS)


def trained_one(layer: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The network of one layer."""
    inverse = untrained(layer)
    draw = map_batches(inverse, learnt_patches(), count=BATCH)
    inverse.calibrate(draw(0))
    (history,) = train(
        inverse,
        draw,
        training="end to end",
        steps=STEPS[layer],
        lr=cosine(LR, STEPS[layer], warmup=50),
        held_out=maps_of(inverse, stop_by()),
        every=250,
        checkpoint=PARTS.checkpoint(layer),
        label=layer,
    )
    return {"best_step": history.best_step, "held_out": history.held_out}, inverse.state_dict()


def main() -> None:
    """Train what is missing, and write the artifact."""
    torch.set_num_threads(1)
    tensors, reached = {}, []
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=128)
    for layer in SHAPES:
        weights = {name: w.half() if w.ndim == 4 else w for name, w in PARTS.get(layer, trained_one)[1].items()}
        inverse = untrained(layer)
        inverse.load_state_dict({name: w.float() for name, w in weights.items()})
        found = scores(inverse, x)
        reached.append(
            f"{layer} {found['psnr'].mean():.2f} dB (relative error of the map {found[f'again {layer}'].mean():.4f})"
        )
        tensors |= {f"{layer}.{name}": w for name, w in weights.items()}
    save_weights(
        "inverse_networks",
        tensors,
        command="make weights NAME=inverse_networks",
        data=f"{DATA}; the encoder is vgg_mini, whose weights up to relu3_3 have sha256 {ENCODER}",
        licence=LICENCE,
        seeds=[0],
        metric="five held-out photographs, 128 x 128, mean PSNR: " + "; ".join(reached),
    )
