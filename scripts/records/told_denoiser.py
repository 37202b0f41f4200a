"""The denoiser that is told the level of the noise, against BM3D and others, on five photographs.

They are the five held-out ones of the record `denoisers`, 128 x 128, in colour, with the same draws of the noise. Total
variation and the thresholded frame have their setting tuned at each level on the five training photographs. BM3D is
told the level too, and so has none. PSNR is that of the values as they come out.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images
from deeprestore_lab.baselines import METHODS, bm3d, tune
from deeprestore_lab.core.artifacts import card, save_record
from deeprestore_lab.images.corruptions import corrupt
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import denoiser, trained_denoiser
from scripts.making.recorded import mean_scores
from scripts.making.resumable import Parts, rounded

SIZE, SEEDS, TUNING_SEED = 128, (1, 2, 3), 0
SIGMAS = (10, 25, 50)  # over 255
TOLD = (10, 15, 20, 25, 30, 40, 50)  # over 255, at noise of 25
TUNED = ("total variation", "thresholded frame")
AT = 25  # over 255, where what it is told varies
SETTINGS = {
    "size": SIZE,
    "tuned_on": list(images.TRAINING_PHOTOGRAPHS),
    "judged_on": list(images.HELD_OUT_PHOTOGRAPHS),
    "seeds": list(SEEDS),
    "sigmas": list(SIGMAS),
    "told": list(TOLD),
    "weights": card("denoising_unet", kind="weights").sha256["denoising_unet.safetensors"],
}
X_TUNED, X = (images.photographs(SETTINGS[key], size=SIZE) for key in ("tuned_on", "judged_on"))


def scores(restore, sigma: int) -> dict:
    """Means over photographs and draws, and the PSNR of each photograph at the first draw."""
    return mean_scores(restore, X, [corrupt(X, "gaussian", seed=seed, level=sigma / 255) for seed in SEEDS])


def at_level(key: str) -> tuple[dict, dict]:
    """All methods at one level."""
    sigma = int(key)
    level, net, at_25 = sigma / 255, trained_denoiser(), denoiser("gaussian")
    rows = {"none": scores(lambda y: y, sigma)}
    for name in TUNED:
        value = tune(name, corrupt(X_TUNED, "gaussian", seed=TUNING_SEED, level=level), X_TUNED).value
        rows[name] = scores(lambda y, m=METHODS[name], v=value: m.apply(y, v), sigma) | {"setting": value}
    rows["network trained at 25"] = scores(at_25, sigma)
    rows["BM3D"] = scores(lambda y: bm3d(y, level), sigma)
    rows["network, told the level"] = scores(lambda y: net(y, level), sigma)
    return rows, {}


def main() -> None:
    """Make what is missing and write the record `told_denoiser`."""
    net, y = trained_denoiser(), corrupt(X, "gaussian", seed=SEEDS[0], level=AT / 255)
    rows = Parts("told_denoiser", SETTINGS).all([str(sigma) for sigma in SIGMAS], at_level)
    with torch.no_grad():
        told = [float(psnr(net(y, told / 255), X).mean()) for told in TOLD]
    content = {
        **SETTINGS,
        "levels": {sigma: of for sigma, (of, _) in rows.items()},
        "told_psnr": told,
    }
    reached = {name: of["psnr"] for name, of in content["levels"][str(AT)].items()}
    save_record(
        "told_denoiser",
        rounded(content),
        command="make records NAME=told_denoiser",
        data="photographs embedded in scikit-image and scikit-learn: " + ", ".join(images.HELD_OUT_PHOTOGRAPHS),
        licence="as stated by the packages for each picture; the record holds numbers only",
        seeds=[TUNING_SEED, *SEEDS],
        metric="PSNR in dB at 25/255, photographs: "
        + ", ".join(f"{name} {value:.2f}" for name, value in reached.items()),
    )
