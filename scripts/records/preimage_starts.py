"""Pre-images of VGG16, SqueezeNet and GoogLeNet from noise, three seeds, beside those from the borrowed start.

Pictures, layers, priors, weights and solver are those of the record preimage_networks. Every second of the ten pictures
is searched for from grey with noise and from the borrowed start, in one batch, at few steps, at five times as many and
at 25 times.
"""

from __future__ import annotations

import torch

from deeprestore_lab.core.artifacts import load_record, save_record
from deeprestore_lab.measures.metrics import psnr
from scripts.making import inversion
from scripts.making.recorded import searched
from scripts.making.resumable import Parts, rounded
from scripts.making.translated_start import translated_start
from scripts.records import preimage_networks as once

STEPS, SEEDS, EVERY = [60, 300, 1500], [0, 1, 2], 2
LAYERS = ["squeezenet1_1/fire3", "squeezenet1_1/fire5", "googlenet/conv2", "googlenet/inception_3b", "vgg16/relu2_2"]
PRIORS = [once.NONE, *once.PRIORS]
SETTINGS = {
    "size": once.SIZE,
    "steps": STEPS,
    "seeds": SEEDS,
    "every": EVERY,
    "layers": LAYERS,
    "priors": PRIORS,
    "start": "grey with noise of 0.1",
}
PARTS = Parts("preimage_starts", SETTINGS)


def run(key: str) -> tuple[dict, dict]:
    """PSNR, representation error and energy of each seed and picture after each of `STEPS`, at "NETWORK/LAYER/PRIOR".

    "noise" has a row for each seed, "borrowed" one row. "apart" is the root mean square distance of two seeds' ends.
    """
    at, name = key.rsplit("/", 1)
    x = inversion.judged_pictures(once.SIZE)[::EVERY]
    starts = [inversion.noise_start(len(x), seed=seed, size=once.SIZE) for seed in SEEDS] + [translated_start(at, x)]
    many = x.repeat(len(starts), 1, 1, 1)
    error = once.error_of(at, many)
    if name == once.NONE:
        energy = error
    else:
        weight = once.best_weight(load_record("preimage_networks")["tune"][key])
        energy = error + weight * inversion.prior(name, once.SIZE)
    found = searched(energy, torch.cat(starts), STEPS)
    numbers = {"noise": {}, "borrowed": {}}
    with torch.no_grad():
        for steps, own in zip(STEPS, found, strict=True):
            for measure, values in {"psnr": psnr(own, many), "error": error(own), "energy": energy(own)}.items():
                rows = values.view(len(starts), len(x)).tolist()
                numbers["noise"].setdefault(measure, {})[str(steps)] = rows[:-1]
                numbers["borrowed"].setdefault(measure, {})[str(steps)] = rows[-1]
    ends = found[-1].view(len(starts), *x.shape)[:-1]
    numbers["apart"] = (ends - ends.roll(1, 0)).square().mean((2, 3, 4)).sqrt().mean(0).tolist()
    return numbers, {}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    made = PARTS.all([f"{at}/{name}" for at in LAYERS for name in PRIORS], run)
    runs = {key: numbers for key, (numbers, _) in made.items()}

    def gained(at: str) -> float:
        noise, borrowed = (runs[f"{at}/{once.NONE}"][start]["psnr"][str(STEPS[-1])] for start in ("noise", "borrowed"))
        return float(torch.tensor(borrowed).mean() - torch.tensor(noise).mean())

    save_record(
        "preimage_starts",
        rounded(SETTINGS | {"runs": runs}),
        command="DEEPRESTORE_DATA=... make records NAME=preimage_starts",
        data="judged on five of Set5 and Set14, at weights of the record preimage_networks; VGG16, SqueezeNet and "
        "GoogLeNet of the local tier",
        licence="numbers alone of Set5, Set14 and BSDS",
        seeds=SEEDS,
        metric=f"what the borrowed start gains without a prior after {STEPS[-1]} steps: "
        + ", ".join(f"{at} {gained(at):.1f} dB" for at in LAYERS),
    )


if __name__ == "__main__":
    main()
