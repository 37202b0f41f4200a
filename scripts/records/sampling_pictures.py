"""Posteriors of photographs for chapter 21: mode, mean and draws, with a denoiser and with the field of experts.

Five photographs that neither prior learnt from, 96 x 96, two tasks, noise of 5/255. The denoiser is the one that is
told the level, up to 75/255: ancestral steps with pseudo-inverse guidance from there, begun at its mode with noise; its
spread and the mode's weight are chosen on another photograph. The field of experts is taken at its word, weight 1, and
walked by Langevin. Intervals of 90 % are counted at missing pixels (inpainting) or at all. A control: a draw of the
denoiser's is measured anew and drawn again, so that the truth is of the prior that is asked.
"""

from __future__ import annotations

from functools import cache

import torch
from torch.nn.functional import interpolate

from deeprestore_lab import images, minimise, sampling
from deeprestore_lab.baselines.annealed import annealed_denoising
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures import perceptual
from deeprestore_lab.measures.calibration import coverage
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import trained_denoiser
from deeprestore_lab.operators import Downsample, LinearOperator, Mask
from deeprestore_lab.priors import FieldOfExperts
from scripts.making.recorded import small_strip
from scripts.making.resumable import Parts, by_key, or_shipped, recorded, rounded

SIZE, NOISE, MISSING = 96, 5 / 255, 0.8
PHOTOGRAPHS = ["astronaut", "chelsea", "cell", "hubble", "microaneurysms"]
TUNED_ON, SHOWN = "coffee", "astronaut"
TASKS = ["inpainting", "x4"]
K, LEVELS = 19, sampling.karras_levels(25, smallest=0.01, largest=0.29, rho=3.0)
SPREADS, WEIGHTS = [0.02, 0.05, 0.1, 0.3], [0.03, 0.1, 0.3, 1.0]  # of the guidance; of the mode
FALLING = [0.29 * (0.02 / 0.29) ** (i / 29) for i in range(30)]
WALK = {"lr": 5e-5, "steps": 800, "every": 100, "from": 300, "chains": 4}
SETTINGS = {
    "size": SIZE,
    "noise": NOISE,
    "missing": MISSING,
    "tuned_on": TUNED_ON,
    "tasks": TASKS,
    "k": K,
    "levels": len(LEVELS) - 1,
    "largest": LEVELS[0],
    "spreads": SPREADS,
    "weights": WEIGHTS,
    "walk": WALK,
}
PARTS = Parts("sampling_pictures", SETTINGS)


def operator(task: str) -> LinearOperator:
    """What is measured."""
    if task == "inpainting":
        seen = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(1)) >= MISSING
        return Mask(seen.float())
    return Downsample(4)


def measured(task: str, x: torch.Tensor, seed: int) -> GaussianLikelihood:
    """The data term of one picture."""
    A = operator(task)
    clean = A(x)
    y = clean + NOISE * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    return GaussianLikelihood(A, A(y) if task == "inpainting" else y, sigma=NOISE)


def repeated(data: GaussianLikelihood, k: int) -> GaussianLikelihood:
    """The same measurement k times."""
    return GaussianLikelihood(data.operator, data.y.repeat(k, 1, 1, 1), sigma=NOISE)


def rough(task: str, data: GaussianLikelihood) -> torch.Tensor:
    """Where searches begin: the mean colour of what is seen, or the nearest of the pixels."""
    if task == "x4":
        return interpolate(data.y, scale_factor=4)
    seen = data.operator(torch.ones_like(data.y))
    mean = data.y.sum((2, 3), keepdim=True) / seen.sum((2, 3), keepdim=True)
    return data.y + (1 - seen) * mean


def mode_of(task: str, data: GaussianLikelihood, weight: float) -> torch.Tensor:
    """The denoiser's, by half-quadratic splitting with falling levels."""
    return annealed_denoising(data, rough(task, data), trained_denoiser(), levels=FALLING, weight=weight)[0]


def drawn(
    data: GaussianLikelihood, start: torch.Tensor, *, spread: float, k: int, seed: int, every: int = 1
) -> torch.Tensor:
    """k draws of the denoiser's guessed posterior, begun at a picture with noise of the first level."""
    mean = sampling.guided(trained_denoiser(), repeated(data, k), rule="pseudo-inverse", spread=spread)
    begin = start + sampling.noise_start(k, tuple(start.shape[1:]), sigma=LEVELS[0], seed=seed)
    levels = LEVELS[:-1:every] + [0.0]
    return sampling.draw(sampling.Ancestral(mean, levels), begin, seed=seed).x


def walked(data: GaussianLikelihood, start: torch.Tensor, *, seed: int) -> torch.Tensor:
    """K states of Langevin's walk with the field of experts, from its mode."""
    chains, kept = WALK["chains"], []

    def note(step: int, x: torch.Tensor) -> None:
        if step > WALK["from"] and step % WALK["every"] == 0:
            kept.append(x)

    energy = repeated(data, chains) + FieldOfExperts.trained()
    walk = sampling.Langevin(energy, lr=WALK["lr"], steps=WALK["steps"])
    sampling.draw(walk, start.repeat(chains, 1, 1, 1), seed=seed, callback=note)
    return torch.stack(kept, 1).flatten(0, 1)[:K]


def tuned(key: str) -> tuple[dict, dict]:
    """The weight of the mode and the spread of the guidance that are best in PSNR on another photograph."""
    task = key.removeprefix("tuning ")
    x = images.photograph(TUNED_ON, size=SIZE)
    data = measured(task, x, 9)
    modes = {weight: mode_of(task, data, weight) for weight in WEIGHTS}
    by_weight = {f"{weight:g}": float(psnr(mode.clamp(0, 1), x)) for weight, mode in modes.items()}
    start = modes[max(WEIGHTS, key=lambda weight: by_weight[f"{weight:g}"])]
    means = {
        f"{spread:g}": float(
            psnr(drawn(data, start, spread=spread, k=4, seed=0, every=2).mean(0, keepdim=True).clamp(0, 1), x)
        )
        for spread in SPREADS
    }
    return {"weight": by_weight, "spread": means}, {}


@cache
def tuning() -> dict[str, dict]:
    """What `tuned` found for each task."""
    had = recorded("sampling_pictures", SETTINGS)
    return had["tuning"] if had else {task: PARTS.get(f"tuning {task}", tuned)[0] for task in TASKS}


def best(task: str, what: str) -> float:
    """The best of a grid."""
    found = tuning()[task][what]
    return float(max(found, key=found.__getitem__))


def scores(x: torch.Tensor, mode: torch.Tensor, draws: torch.Tensor, where: torch.Tensor) -> dict[str, float]:
    """PSNR and perceptual distance of mode, mean and draws, the intervals' coverage, and how wide the draws lie."""
    shown = {"mode": mode, "mean": draws.mean(0, keepdim=True), "draw": draws}
    found: dict[str, float] = {}
    with torch.no_grad():
        for name, values in shown.items():
            values = values.clamp(0, 1)
            found[f"psnr {name}"] = float(psnr(values, x.expand_as(values)).mean())
            found[f"distance {name}"] = float(perceptual.distance(values, x).mean())
            found[f"field {name}"] = float(FieldOfExperts.trained()(values).mean())
    found["coverage"] = float(coverage(draws, x[0])[where].mean())
    found["deviation"] = float(draws.var(0)[where].mean().sqrt())
    found["error of the mean"] = float((draws.mean(0) - x[0])[where].square().mean().sqrt())
    return found


def posterior(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Both priors for one task and photograph, and the control on the photograph that is shown."""
    task, name = key.split(" | ")
    x, seed = images.photograph(name, size=SIZE), PHOTOGRAPHS.index(name)
    data = measured(task, x, seed)
    hidden = data.operator(torch.ones_like(x))[0] == 0 if task == "inpainting" else torch.ones_like(x[0]) > 0
    spread = best(task, "spread")
    mode = mode_of(task, data, best(task, "weight"))
    draws = drawn(data, mode, spread=spread, k=K, seed=seed)
    numbers = {"denoiser": scores(x, mode, draws, hidden)}
    field = FieldOfExperts.trained()
    rough_mode = minimise(data + field, rough(task, data), steps=200, snapshots=False, progress=False).x
    walk = walked(data, rough_mode, seed=seed)
    numbers["field of experts"] = scores(x, rough_mode, walk, hidden)
    noisy = x + NOISE * torch.randn(x.shape, generator=torch.Generator().manual_seed(50 + seed))
    with torch.no_grad():
        numbers["field of the truth"] = {"clean": float(field(x)), "noisy": float(field(noisy))}
    if name != SHOWN:
        return numbers, {}
    own = draws[:1].clone()
    again = measured(task, own, 70 + seed)
    own_mode = mode_of(task, again, best(task, "weight"))
    redrawn = drawn(again, own_mode, spread=spread, k=K, seed=90 + seed)
    numbers["denoiser, of its own"] = scores(own, own_mode, redrawn, hidden)
    shown = {"measured": rough(task, data) if task != "inpainting" else data.y}
    for prior, (top, values) in {"denoiser": (mode, draws), "field": (rough_mode, walk)}.items():
        spread_of = (4 * values.std(0, keepdim=True)).clamp(0, 1)
        shown[prior] = torch.cat([top, values.mean(0, keepdim=True), spread_of, values[::3][:6]]).clamp(0, 1)
    return numbers, shown


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    torch.set_num_threads(1)
    had = recorded("sampling_pictures", SETTINGS)
    keys = [f"{task} | {name}" for task in TASKS for name in PHOTOGRAPHS]
    parts = PARTS.all(keys, posterior, known=by_key(had.get("posteriors", {}), had.get("photographs", ())))
    content = {task: [parts[f"{task} | {name}"][0] for name in PHOTOGRAPHS] for task in TASKS}
    shown = {
        f"{task}-{name}.webp": small_strip(new[name], quality=60) if (new := parts[f"{task} | {SHOWN}"][1]) else None
        for task in TASKS
        for name in ("measured", "denoiser", "field")
    }
    save_record(
        "sampling_pictures",
        rounded({"settings": SETTINGS, "photographs": PHOTOGRAPHS, "tuning": tuning(), "posteriors": content}),
        command="make records NAME=sampling_pictures",
        data="photographs embedded in scikit-image: " + ", ".join([*PHOTOGRAPHS, TUNED_ON]),
        licence="as stated by the package for each picture; the pictures of the record are of a public-domain one",
        seeds=list(range(len(PHOTOGRAPHS))),
        metric="PSNR, perceptual distance and coverage of 90 % intervals",
        pictures=or_shipped("sampling_pictures", shown),
    )
