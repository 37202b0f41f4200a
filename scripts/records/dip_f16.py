"""The paper's own picture of an F-16 with the paper's own net and settings, smaller: denoising at 25/255.

The picture is one of the paper's nine (local tier, `DIP/denoising/F16_GT.png`, 512 x 512), resized to `SIZE` pixels,
since a processor without accelerator would need hours for the original. Step count and average are the paper's; its
table has the mean over nine larger pictures, so the numbers stand beside each other, not for each other.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.data.local import local_files
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import DeepImagePrior
from scripts.making.recorded import best_variation, highest
from scripts.making.resumable import Parts, rounded

SIZE, STEPS, SIGMA, BETA, INPUT_NOISE, SEEDS = 128, 1800, 25 / 255, 0.99, 1 / 30, (0,)
SETTINGS = {
    "picture": "F16_GT.png",
    "size": SIZE,
    "steps": STEPS,
    "sigma_over_255": 25,
    "preset": "paper",
    "average": BETA,
    "input_noise": INPUT_NOISE,
    "seeds": list(SEEDS),
}
PARTS = Parts("dip_f16", SETTINGS)


def measurement() -> tuple[torch.Tensor, torch.Tensor]:
    """The picture and its noisy version, clipped to [0, 1] as in the authors' code."""
    file = next(file for file in local_files("dip", (".png",)) if file.stem == "F16_GT")
    x = images.load(file, size=SIZE)
    return x, (x + images.gaussian_noise(x, sigma=SIGMA, seed=0)).clamp(0, 1)


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One run with the paper's settings."""
    x, y = measurement()
    trace = minimise(
        GaussianLikelihood(Identity(), y, sigma=SIGMA),
        DeepImagePrior(x.shape, preset="paper", seed=int(key)),
        steps=STEPS,
        lr=0.01,
        input_noise=INPUT_NOISE,
        average=BETA,
        seed=int(key),
        reference=x,
        snapshots=False,
        checkpoint=PARTS.checkpoint(key),
    )
    curve, averaged = trace.psnr[:, 0], trace.average_psnr[:, 0]
    marks = [*range(0, STEPS, 100), STEPS]
    numbers = {
        "psnr": float(curve[-1]),
        "average": float(averaged[-1]),
        "peak": highest(curve),
        "average_peak": highest(averaged),
        "steps": marks,
        "psnr_at": [float(curve[step]) for step in marks],
        "average_at": [float(averaged[step]) for step in marks],
        "seconds_a_step": float(trace.seconds[-1]) / STEPS,
    }
    return numbers, {"average": trace.average}


def main() -> None:
    """Make the run, or what is missing of it, and write the record `dip_f16`."""
    runs = PARTS.all([str(seed) for seed in SEEDS], run)
    x, y = measurement()
    numbers = {key: own for key, (own, _) in runs.items()}
    mean = torch.stack([tensors["average"] for _, tensors in runs.values()]).mean(0)
    content = {
        **SETTINGS,
        "noisy": float(psnr(y, x)),
        "runs": numbers,
        "mean_of_runs": float(psnr(mean, x)),
        "total_variation": best_variation(x, y, sigma=SIGMA, count=13),
        "paper": {"pictures": 9, "size": 512, "psnr": 29.22, "average": 30.43, "two_runs": 31.0},
    }
    save_record(
        "dip_f16",
        rounded(content),
        command="DEEPRESTORE_DATA=... make records NAME=dip_f16",
        data="F16_GT.png of the deep image prior's own test pictures (local tier)",
        licence="Apache 2.0, as its repository states; the picture is not shipped",
        seeds=list(SEEDS),
        metric=f"{numbers['0']['psnr']:.2f} dB after {STEPS} steps, {numbers['0']['average']:.2f} dB averaged",
    )
