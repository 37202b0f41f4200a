"""The auto-encoders of chapter 04: one network for each kind of damage and one for none, on embedded photographs.

Photographs are split: eight to learn from, one to stop by, and the five held-out ones, which are seen once, at the end.
"""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import images
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.core.machine import fast_precision
from deeprestore_lab.images.corruptions import CORRUPTIONS, corrupt
from deeprestore_lab.measures import metrics
from deeprestore_lab.networks import EncoderDecoder
from deeprestore_lab.networks.denoisers import ARCHITECTURE, DENOISERS
from deeprestore_lab.training import Patches, cosine, fit
from scripts.making.photographs.learnt import EMBEDDED, STOPPED_BY, scaled
from scripts.making.resumable import Parts

SIDES = (256, 128)  # each photograph is there twice, its shorter side this long
STEPS, BATCH, PATCH, LR = 5000, 16, 48, 2e-3
SETTINGS = {
    "learnt_from": list(EMBEDDED),
    "stopped_by": STOPPED_BY,
    "sides": list(SIDES),
    "steps": STEPS,
    "batch": BATCH,
    "patch": PATCH,
    "lr": LR,
    "levels": {kind: corruption.level for kind, corruption in CORRUPTIONS.items()},
    "architecture": {key: list(value) if isinstance(value, tuple) else value for key, value in ARCHITECTURE.items()},
    "precision": fast_precision(),
}
PARTS = Parts("denoisers", SETTINGS)


@cache
def patches() -> Patches:
    """What is learnt from."""
    return Patches([x for name in EMBEDDED for x in scaled(images.photograph(name), SIDES)], size=PATCH)


def damaged(x: torch.Tensor, kind: str, seed: int) -> torch.Tensor:
    """The images with damage of a kind; "clean" leaves them as they are."""
    return x if kind == "clean" else corrupt(x, kind, seed=seed)


def train(kind: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One network, from its start to the weights that were best on the photograph to stop by."""

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = patches().draw(BATCH, seed=2 * step)
        return damaged(x, kind, 2 * step + 1), x

    stop_by = Patches(scaled(images.photograph(STOPPED_BY), SIDES), size=64, crops=False).every()
    network = EncoderDecoder(**ARCHITECTURE, seed=0)
    history = fit(
        network,
        draw,
        steps=STEPS,
        lr=cosine(LR, STEPS, warmup=100),
        held_out=(damaged(stop_by, kind, 2 * STEPS + 1), stop_by),
        every=250,
        precision=SETTINGS["precision"],
        checkpoint=PARTS.checkpoint(kind),
        label=kind,
    )
    return {"best_step": history.best_step, "held_out": history.held_out}, network.half().state_dict()


def quality(kind: str, weights: dict[str, torch.Tensor]) -> float:
    """Mean PSNR over the held-out photographs, 128 x 128, of the weights as they are shipped."""
    network = EncoderDecoder(**ARCHITECTURE)
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=128)
    with torch.no_grad():
        return float(metrics.psnr(network(damaged(x, kind, 0)), x).mean())


def main() -> None:
    """Train what is not trained yet, and write all as one artifact."""
    nets = {kind: weights for kind, (_, weights) in PARTS.all(list(DENOISERS), train).items()}
    reached = ", ".join(f"{kind} {quality(kind, weights):.2f}" for kind, weights in nets.items())
    save_weights(
        "denoisers",
        {f"{kind}.{name}": tensor for kind, weights in nets.items() for name, tensor in weights.items()},
        command="make weights NAME=denoisers",
        data=f"photographs embedded in scikit-image and scikit-learn: {', '.join(EMBEDDED)} to learn from, "
        f"{STOPPED_BY} to choose the step",
        licence="public domain, CC0, no known restrictions; china and flower CC BY 2.0",
        seeds=[0],
        metric=f"mean PSNR in dB on five held-out photographs of 128 x 128, each at the damage it was trained on "
        f"(clean: on clean pictures): {reached}",
    )
