"""The ridge regulariser of chapter 14: 48 filters of 7 x 7 for all levels of noise, learned from free photographs."""

from __future__ import annotations

import torch

from deeprestore_lab.core.artifacts import save_weights
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.ridge_training import learned


def main() -> None:
    """Train it if that was not done yet, and write it."""
    torch.set_num_threads(1)
    curve, weights = learned("free")
    save_weights(
        "ridge_regulariser",
        weights,
        command="make weights NAME=ridge_regulariser",
        data=DATA,
        licence=LICENCE,
        seeds=[0],
        metric=f"PSNR of the typical and the patch's error on crops of the photograph to stop by, mean over levels: "
        f"{max(curve['psnr']):.2f} dB",
    )
