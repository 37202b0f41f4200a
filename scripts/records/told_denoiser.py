"""The denoiser that is told the level of the noise, against BM3D and others: five photographs, and BSD68.

Photographs: the five held-out ones of the record `denoisers`, 128 x 128, in colour, with the same draws of the noise.
Total variation and the thresholded frame have their setting tuned at each level on the five training photographs. BM3D
is told the level too, and so has none.

BSD68: 68 grey photographs in full size, one draw, sigma = 25/255. The network there is the same with one channel,
trained on the 200 training photographs of BSDS; the settings of total variation and the frame are tuned on ten of
these. PSNR is that of the values as they come out. No licence is stated for BSD68, so the record holds numbers alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from deeprestore_lab import data, images
from deeprestore_lab.artifacts import save_record
from deeprestore_lab.baselines import METHODS, bm3d, tune
from deeprestore_lab.corruptions import corrupt
from deeprestore_lab.metrics import psnr, ssim
from deeprestore_lab.networks import denoiser
from deeprestore_lab.networks.denoising_unet import DenoisingUNet, trained_denoiser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from denoiser_training import PARTS as TRAININGS  # noqa: E402
from denoiser_training import STEPS, train  # noqa: E402
from resumable import Parts, rounded  # noqa: E402

SIZE, SEEDS, TUNING_SEED = 128, (1, 2, 3), 0
SIGMAS = (5, 15, 25, 50, 75)  # over 255
TOLD = (10, 15, 20, 25, 30, 40, 50)  # over 255, at noise of 25
TUNED = ("total variation", "thresholded frame")
CROP, TUNED_ON, AT = 160, 10, 25  # pixels and photographs that settings are tuned on for BSD68; its level
PUBLISHED = {"BM3D": 28.57, "DnCNN": 29.23, "FFDNet": 29.19}  # BSD68 at 25/255: Zhang et al. (2017, 2018)
SETTINGS = {
    "size": SIZE,
    "tuned_on": list(images.TRAINING_PHOTOGRAPHS),
    "judged_on": list(images.HELD_OUT_PHOTOGRAPHS),
    "seeds": list(SEEDS),
    "sigmas": list(SIGMAS),
    "told": list(TOLD),
    "net": TRAININGS.folder.name,
}
X_TUNED, X = (images.photographs(SETTINGS[key], size=SIZE) for key in ("tuned_on", "judged_on"))


@torch.no_grad()
def scores(restore, sigma: int) -> dict:
    """Means over photographs and draws, and the PSNR of each photograph at the first draw."""
    found = []
    for seed in SEEDS:
        z = restore(corrupt(X, "gaussian", seed=seed, level=sigma / 255))
        found.append((psnr(z, X), ssim(z.clamp(0, 1), X)))
    psnrs, ssims = (torch.stack(values).mean().item() for values in zip(*found, strict=True))
    return {"psnr": psnrs, "ssim": ssims, "each_at_first_seed": found[0][0].tolist()}


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


def on_bsd68(key: str) -> tuple[dict, dict]:
    """PSNR of each picture of BSD68 by one method."""
    sigma, pictures = AT / 255, data.test_set("bsd68")
    if key in TUNED:
        learnt_from = data.bsds_training(limit=TUNED_ON, shrink=1).values()
        x = torch.cat([images.crop(images.to_grey(each), (CROP, CROP)) for each in learnt_from])
        value = tune(key, corrupt(x, "gaussian", seed=TUNING_SEED), x).value
        restore = lambda y: METHODS[key].apply(y, value)  # noqa: E731
    elif key == "network":
        net = DenoisingUNet(channels=1)
        net.load_state_dict({name: w.float() for name, w in TRAININGS.get("bsds grey", train)[1].items()})
        restore = lambda y: net(y, sigma)  # noqa: E731
    else:
        restore = lambda y: bm3d(y, sigma)  # noqa: E731
    with torch.no_grad():
        return {name: float(psnr(restore(corrupt(x, "gaussian", seed=1)), x)) for name, x in pictures.items()}, {}


def main() -> None:
    """Make what is missing and write the record `told_denoiser`."""
    net, y = trained_denoiser(), corrupt(X, "gaussian", seed=SEEDS[0], level=AT / 255)
    rows = Parts("told_denoiser", SETTINGS).all([str(sigma) for sigma in SIGMAS], at_level)
    with torch.no_grad():
        told = [float(psnr(net(y, told / 255), X).mean()) for told in TOLD]
    own = {"sigma": AT, "net": TRAININGS.folder.name, "crop": CROP, "tuned_on": TUNED_ON}
    of_bsd68 = Parts("told_denoiser_bsd68", own).all([*TUNED, "BM3D", "network"], on_bsd68)
    bsd68 = {name: sum(each.values()) / len(each) for name, (each, _) in of_bsd68.items()}
    content = {
        **SETTINGS,
        "training_steps": STEPS,
        "levels": {sigma: of for sigma, (of, _) in rows.items()},
        "told_psnr": told,
        "bsd68": {"sigma": AT, "mean_psnr": bsd68, "published": PUBLISHED},
    }
    reached = {name: of["psnr"] for name, of in content["levels"][str(AT)].items()}
    save_record(
        "told_denoiser",
        rounded(content),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=told_denoiser",
        data="photographs embedded in scikit-image and scikit-learn: " + ", ".join(images.HELD_OUT_PHOTOGRAPHS) + "; "
        "BSD68 and the training photographs of BSDS of the local tier",
        licence="as stated by the packages for each picture, none stated for BSD68; the record holds numbers only",
        seeds=[TUNING_SEED, *SEEDS],
        metric="PSNR in dB at 25/255, photographs: "
        + ", ".join(f"{name} {value:.2f}" for name, value in reached.items())
        + "; BSD68: "
        + ", ".join(f"{name} {value:.2f}" for name, value in bsd68.items()),
    )


if __name__ == "__main__":
    main()
