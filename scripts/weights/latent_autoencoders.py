"""The auto-encoders of chapter 12, naive and mended, with codes in cubes of 8, 10 and 12 dimensions. Needs MNIST.

The mended ones are trained by `MENDED` of `generators.bounded_training`, which the record latent_matching chose on the
validation digits. All learn from the first 50,000 training digits.
"""

from __future__ import annotations

from dataclasses import asdict

import torch

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.generators.bounded_training import BATCH, MENDED, STEPS, train_bounded
from deeprestore_lab.generators.code_matching import NAIVE
from deeprestore_lab.networks.bounded_autoencoder import WIDTHS, BoundedAutoEncoder
from deeprestore_lab.networks.digit_classifier import digit_classifier
from scripts.making.digits.measures import LICENCE, Judge, split
from scripts.making.resumable import Parts

KINDS, LATENTS = {"naive": NAIVE, "mended": MENDED}, (8, 10, 12)
SETTINGS = {"steps": STEPS, "batch": BATCH, "widths": list(WIDTHS), "seed": 0, "mended": asdict(MENDED)}
PARTS = Parts("latent_autoencoders", SETTINGS)


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One model, as "naive-10"."""
    kind, latent = key.split("-")
    model = train_bounded(
        split()[0], latent=int(latent), matching=KINDS[kind], steps=STEPS, checkpoint=PARTS.checkpoint(key)
    )
    return {}, model.half().state_dict()


def main() -> None:
    """Train what is not trained yet, measure the weights as shipped on the test digits, and write all."""
    judge = Judge(digit_classifier(), split()[0], data.mnist("test").images)
    shipped, reached = {}, []
    for key in (f"{kind}-{latent}" for kind in KINDS for latent in LATENTS):
        weights = PARTS.get(key, train)[1]
        model = BoundedAutoEncoder(latent=int(key.split("-")[1]))
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        found = judge.model(model.eval())
        reached.append(f"{key} {found['reconstruction']:.4f} and {100 * found['holes_pixels']:.1f} %")
        shipped |= {f"{key}.{name}": tensor for name, tensor in weights.items()}
    save_weights(
        "latent_autoencoders",
        shipped,
        command="make weights NAME=latent_autoencoders",
        data="MNIST, the first 50,000 training digits",
        licence=LICENCE,
        seeds=[0],
        metric=f"on test digits, mean square error of the reconstruction and share of holes: {', '.join(reached)}",
    )
