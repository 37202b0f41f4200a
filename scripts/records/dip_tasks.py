"""The deep image prior on five tasks, three photographs of 128 x 128, beside total variation at its best weight.

Noise of 25/255; text over the picture; half of the pixels missing; a hole of a quarter of each side; four times
smaller. The last four are free of noise, as in the paper. All runs have the same settings and the same number of steps;
what is judged is the running average at the last one. Where pixels are known exactly they are put back, for both
methods. The weight of total variation is the best of a range, found with the truth.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr, ssim
from deeprestore_lab.operators import Downsample, Identity, Mask
from deeprestore_lab.parametrisations import DeepImagePrior
from deeprestore_lab.priors import TotalVariation
from scripts.making.recorded import highest, strip
from scripts.making.resumable import Parts, rounded

SIZE, PRESET, STEPS, BETA, INPUT_NOISE = 128, "tiny", 1024, 0.99, 1 / 30
PICTURES = ("astronaut", "chelsea", "coffee")
TASKS = ("noise", "text", "half", "hole", "smaller")
SHOWN = (16, 64, 128, 256, 384, 512, 768, 1024)
WEIGHTS = {"noise": torch.logspace(-0.6, 0.6, 13)}
WEIGHTS |= {task: torch.logspace(-4, 0.5, 10) for task in TASKS[1:]}
SETTINGS = {
    "size": SIZE,
    "preset": PRESET,
    "steps": STEPS,
    "average": BETA,
    "input_noise": INPUT_NOISE,
    "pictures": list(PICTURES),
    "tasks": list(TASKS),
    "shown": list(SHOWN),
}


def problem(picture: str, task: str) -> tuple[torch.Tensor, GaussianLikelihood, torch.Tensor, float]:
    """The photograph, the data term, a first guess in the space of images, and the noise level told to the priors."""
    x = images.photograph(picture, size=SIZE)
    operators = {
        "noise": Identity(),
        "text": Mask(images.text_mask(x)),
        "half": Mask(images.random_mask(x, keep=0.5, seed=0)),
        "hole": Mask(images.hole_mask(x, size=SIZE // 4)),
        "smaller": Downsample(4),
    }
    A, sigma = operators[task], 25 / 255 if task == "noise" else 1 / 255
    y = A(x)
    if task == "noise":
        y = y + images.gaussian_noise(y, sigma=sigma, seed=0)
    guess = images.resize(y, size=SIZE) if task == "smaller" else y
    return x, GaussianLikelihood(A, y, sigma=sigma), guess, sigma


def put_back(restored: torch.Tensor, energy: GaussianLikelihood) -> torch.Tensor:
    """The restored picture with the pixels that a mask left known in their place; without a mask, as it is."""
    if not isinstance(energy.operator, Mask):
        return restored
    known = energy.operator(torch.ones_like(restored))
    return known * energy.y + (1 - known) * restored


def scores(restored: torch.Tensor, x: torch.Tensor) -> dict:
    """PSNR and SSIM."""
    return {"psnr": float(psnr(restored, x)), "ssim": float(ssim(restored.clamp(0, 1), x))}


def variation(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Total variation at the best of the weights."""
    x, energy, guess, sigma = problem(*key.split("/"))
    weights = WEIGHTS[key.split("/")[1]]
    prior = weights * TotalVariation().calibrated(sigma=sigma)
    start = guess.expand(len(weights), -1, -1, -1)
    trace = minimise(energy + prior, start, solver="admm", steps=200, snapshots=False, progress=False)
    filled = put_back(trace.x, energy)
    each = psnr(filled, x.expand_as(filled))
    best = int(each.argmax())
    numbers = scores(filled[best : best + 1], x) | {
        "weight": float(weights[best]),
        "loses_at_the_smallest_weight": float(each.max() - each[0]),
    }
    return numbers, {}


def run(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One run of the deep image prior."""
    picture, task = key.split("/")
    x, energy, _, _ = problem(picture, task)
    trace = minimise(
        energy,
        DeepImagePrior(x.shape, preset=PRESET, seed=0),
        steps=STEPS,
        lr=0.01,
        input_noise=INPUT_NOISE,
        average=BETA,
        seed=0,
        reference=x,
        progress=False,
    )
    curve, averaged = trace.psnr[:, 0], trace.average_psnr[:, 0]
    numbers = {
        "last": scores(trace.x, x),
        "average": scores(trace.average, x),
        "peak": highest(curve),
        "average_peak": highest(averaged),
        "psnr_at": {str(step): float(curve[step]) for step in SHOWN},
    }
    shown = torch.cat([trace.snapshots[step] for step in SHOWN] + [trace.average])
    return numbers, {"shown": (shown * 255).round().byte()}


def lead(run: dict) -> float:
    """How many dB the deep image prior is ahead of total variation."""
    return run["filled"]["psnr"] - run["total_variation"]["psnr"]


def main() -> None:
    """Make all runs, or those still missing, and write the record `dip_tasks` with the pictures of the first one."""
    keys = [f"{picture}/{task}" for picture in PICTURES for task in TASKS]
    runs = Parts("dip_tasks", SETTINGS).all(keys, run)
    ranges = {task: weights.tolist() for task, weights in WEIGHTS.items()}
    variations = Parts("dip_tasks_variation", SETTINGS | {"weights": ranges}).all(keys, variation)
    numbers = {}
    for key, (own, tensors) in runs.items():
        x, energy, guess, _ = problem(*key.split("/"))
        average = tensors["shown"][-1:].float() / 255
        numbers[key] = own | {
            "guess": scores(guess, x),
            "filled": scores(put_back(average, energy), x),
            "total_variation": variations[key][0],
        }
    leads = {task: sum(lead(numbers[f"{picture}/{task}"]) for picture in PICTURES) / len(PICTURES) for task in TASKS}
    content = {
        **SETTINGS,
        "runs": numbers,
        "mean_lead_db": leads,
    }
    save_record(
        "dip_tasks",
        rounded(content),
        command="make records NAME=dip_tasks",
        data="photographs of scikit-image: " + ", ".join(PICTURES),
        licence="as stated by scikit-image for each picture; those shown are restorations of the astronaut (NASA, "
        "public domain)",
        seeds=[0],
        metric="lead over total variation in dB: " + ", ".join(f"{task} {db:+.2f}" for task, db in leads.items()),
        pictures={f"{task}.webp": strip(runs[f"{PICTURES[0]}/{task}"][1]["shown"]) for task in TASKS},
    )
