"""The four presets of the deep image prior on one photograph at three noise levels: pictures on the way, and curves.

128 x 128, settings of the paper (input noise, running average), so that a slider can move preset, noise and step. The
largest preset is the paper's own net.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import PRESETS
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import DeepImagePrior
from scripts.making.recorded import best_variation, highest, strip
from scripts.making.resumable import Parts, rounded

PICTURE, SIZE, STEPS, BETA, INPUT_NOISE = "astronaut", 128, 1024, 0.99, 1 / 30
LEVELS = (10, 25, 50)
SHOWN = (16, 64, 128, 256, 512, 768, 1024)
SETTINGS = {
    "picture": PICTURE,
    "size": SIZE,
    "steps": STEPS,
    "average": BETA,
    "input_noise": INPUT_NOISE,
    "levels_over_255": list(LEVELS),
    "presets": list(PRESETS),
    "shown": list(SHOWN),
}
PARTS = Parts("dip_presets", SETTINGS)


def measurement(level: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The photograph, its noisy version, and the noise level in [0, 1] units."""
    sigma = level / 255
    x = images.photograph(PICTURE, size=SIZE)
    return x, x + images.gaussian_noise(x, sigma=sigma, seed=0), sigma


def variation(level: int) -> float:
    """PSNR of total variation at the best of 25 weights."""
    x, y, sigma = measurement(level)
    return best_variation(x, y, sigma=sigma, count=25)["psnr"]


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One preset at one noise level."""
    preset, level = key.split("/")
    x, y, sigma = measurement(int(level))
    parametrisation = DeepImagePrior(x.shape, preset=preset, seed=0)
    trace = minimise(
        GaussianLikelihood(Identity(), y, sigma=sigma),
        parametrisation,
        steps=STEPS,
        lr=0.01,
        input_noise=INPUT_NOISE,
        average=BETA,
        seed=0,
        reference=x,
        checkpoint=PARTS.checkpoint(key),
        progress=False,
    )
    curve, averaged = trace.psnr[:, 0], trace.average_psnr[:, 0]
    numbers = {
        "parameters": parametrisation.parameter_count,
        "psnr_at": {str(step): float(curve[step]) for step in SHOWN},
        "average_at": {str(step): float(averaged[step]) for step in SHOWN},
        "peak": highest(curve),
        "average_peak": highest(averaged),
    }
    return numbers, {"shown": (torch.cat([trace.snapshots[step] for step in SHOWN]) * 255).round().byte()}


def main() -> None:
    """Make all runs, or those still missing, and write the record `dip_presets` with its pictures."""
    keys = [f"{preset}/{level}" for preset in PRESETS for level in LEVELS]
    runs = PARTS.all(keys, run)
    numbers = {key: own for key, (own, _) in runs.items()}
    content = {
        **SETTINGS,
        "runs": numbers,
        "total_variation": {str(level): variation(level) for level in LEVELS},
    }
    save_record(
        "dip_presets",
        rounded(content),
        command="make records NAME=dip_presets",
        data=f"photograph of scikit-image: {PICTURE}",
        licence="public domain (NASA)",
        seeds=[0],
        metric="average at the last step, noise 25/255: "
        + ", ".join(f"{p} {numbers[f'{p}/25']['average_at'][str(STEPS)]:.2f} dB" for p in PRESETS),
        pictures={f"{key.replace('/', '-')}.webp": strip(tensors["shown"]) for key, (_, tensors) in runs.items()},
    )
