"""Draws and posteriors of digits for chapter 21. Needs MNIST.

Draws by Heun's method with a mixture of Gaussians above a level and the network below it, judged in the features of two
classifiers beside real digits. Then posteriors: 19 draws for each of twenty test digits and four tasks, with the mean,
a draw and (of the mixture) the mode in PSNR and in the judge's features, and the coverage of 90 % intervals.
"""

from __future__ import annotations

import torch

from deeprestore_lab import sampling
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.calibration import coverage
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import diffusion_digits
from deeprestore_lab.operators import Blur, Downsample, Identity, LinearOperator, Mask
from deeprestore_lab.signal import kernels
from scripts.making.digits.draws import LEVELS, NETWORKS, drawn_digits, features, memory, mixture, quality, test_digits
from scripts.making.digits.measures import LICENCE, split
from scripts.making.resumable import Parts, rounded

SEEDS = range(5)
COUNT, STEPS, LONG = 1000, 10, 30
SWITCHES = {"network alone": 100.0, "mixture above 2": 2.0, "mixture above 0.5": 0.5, "mixture above 0.25": 0.25}
SWITCH = 0.5
N, K, NOISE = 4, 19, 0.1
GRID = {
    "DPS": (0.3, 1.0, 3.0, 10.0),
    "DiffPIR": (0.03, 0.1, 0.3, 1.0, 3.0),
}  # weights, chosen on four validation digits
TASKS = ("inpainting", "x4", "deblurring", "denoising")
SETTINGS = {
    "count": COUNT,
    "levels": STEPS,
    "long": LONG,
    "switch": SWITCH,
    "n": N,
    "k": K,
    "noise": NOISE,
    "tasks": list(TASKS),
}
PARTS = Parts("sampling_digits", SETTINGS)
SURE = 0.02  # pixels whose exact deviation is below this are left out of the coverage


def task(name: str) -> tuple[LinearOperator, float]:
    """The operator and the level of the noise."""
    if name == "inpainting":
        seen = torch.ones(28, 28)
        seen[8:20, 4:24] = 0
        return Mask(seen), NOISE
    if name == "x4":
        return Downsample(4), NOISE / 2
    if name == "deblurring":
        return Blur(kernels.gaussian_kernel(1.5)), NOISE / 2
    return Identity(), 0.5


def drawn(key: str) -> tuple[dict, dict]:
    """The measures of 1,000 draws of one kind."""
    kind, seed = key.split(" | ")
    if kind == "mixture":
        x = mixture().sample(COUNT, seed=int(seed)).clamp(0, 1)
    elif kind == "test digits":
        x = test_digits()[COUNT * (1 + int(seed)) :][:COUNT]
    else:
        x = drawn_digits(COUNT, switch=SWITCHES[kind], levels=STEPS, seed=int(seed))
    found = quality(x) | {"memory": memory(x)}
    return found, {"shown": (255 * x[:40]).round().to(torch.uint8)} if seed == "0" else {}


def by_levels(key: str) -> tuple[dict, dict]:
    """The measures against the number of evaluations, 300 draws."""
    kind, levels = key.split()
    mean = sampling.switched(mixture(), diffusion_digits(), at=SWITCH)
    sampler = {"Heun": sampling.Heun, "Euler": sampling.Euler, "ancestral": sampling.Ancestral}[kind](
        mean, sampling.karras_levels(int(levels), **LEVELS)
    )
    start = sampling.noise_start(300, (1, 28, 28), sigma=LEVELS["largest"], seed=0)
    x = torch.cat([sampling.draw(sampler, part, seed=i).x for i, part in enumerate(start.split(150))]).clamp(0, 1)
    return quality(x) | {"evaluations": sampler.evaluations}, {}


def posterior(key: str) -> tuple[dict, dict]:
    """Draws of every method for one task: the scores of mean, draw and mode, and the coverage of intervals."""
    name, seed = key.split(" | ")
    number = int(seed)
    operator, noise = task(name)
    prior, network = mixture(), diffusion_digits()
    generator = torch.Generator().manual_seed(500 + number)
    world = {
        "real": test_digits()[5000 + N * number :][:N],
        "its own": prior.sample(N, seed=50 + number),
    }
    found: dict = {}
    shown: dict = {}
    for kind, x in world.items():
        clean = operator(x)
        y = clean + noise * torch.randn(clean.shape, generator=generator)
        if name == "inpainting":
            y = operator(y)
        exact = sampling.MixturePosterior(prior, operator, y, sigma=noise)
        own = exact.sample(K, seed=number)
        unsure = exact.sample(59, seed=1 + number).std(0) > SURE
        draws = {"exact, mixture": own}
        draws["exact, stopped at 0.08"] = own + 0.08 * torch.randn(own.shape, generator=generator)
        if kind == "real":
            data = GaussianLikelihood(operator, y.repeat(K, 1, 1, 1), sigma=noise)
            mean = sampling.switched(prior, network, at=SWITCH)
            chosen = {method: tuned(name)[method]["weight"] for method in GRID}
            runs = methods(mean, data, chosen)
            draws |= {method: run_of(run, N, K, number) for method, run in runs.items()}
        for method, values in draws.items():
            scored = scores(values, x)
            inside = coverage(values, x)[unsure].mean()
            found[f"{kind} | {method}"] = scored | {"coverage": float(inside)}
        if kind == "real":
            mode = exact.mode
            found["real | mode, mixture"] = {"psnr": float(psnr(mode.clamp(0, 1), x).mean()), "distance": far(mode, x)}
            if number == 0:
                hybrid = draws["pseudo-inverse"]
                back = operator.adjoint(y) * (16 if name == "x4" else 1)
                rows = [x, back, hybrid.mean(0), *hybrid[:3], mode]
                shown = {"shown": (255 * torch.stack(rows)[:, :6].clamp(0, 1)).round().to(torch.uint8)}
    return found, shown


def methods(mean: sampling.Mean, data: GaussianLikelihood, weights: dict[str, float]) -> dict[str, sampling.Heun]:
    """The approximate methods, with the weights of the two that have one."""
    short, long = (sampling.karras_levels(count, **LEVELS) for count in (STEPS, LONG))
    split_mean = sampling.guided(mean, data, rule="splitting", weight=weights["DiffPIR"])
    return {
        "pseudo-inverse": sampling.Heun(sampling.guided(mean, data, rule="pseudo-inverse", spread=0.3), short),
        "DPS": sampling.DPS(mean, long, data, weight=weights["DPS"]),
        "DiffPIR": sampling.Renoised(split_mean, long, share=0.5),
    }


def run_of(run: sampling.Heun, n: int, k: int, seed: int) -> torch.Tensor:
    """Draws `(k, n, 1, 28, 28)` of a method."""
    start = sampling.noise_start(n * k, (1, 28, 28), sigma=LEVELS["largest"], seed=seed)
    return sampling.draw(run, start, seed=seed).x.unflatten(0, (k, n))


def tuned(name: str) -> dict[str, dict]:
    """For each method with a weight the one of the grid whose mean has the best PSNR on four validation digits."""

    def make(_: str) -> tuple[dict, dict]:
        operator, noise = task(name)
        x = split()[1][:4]
        clean = operator(x)
        y = clean + noise * torch.randn(clean.shape, generator=torch.Generator().manual_seed(9))
        y = operator(y) if name == "inpainting" else y
        data = GaussianLikelihood(operator, y.repeat(9, 1, 1, 1), sigma=noise)
        mean = sampling.switched(mixture(), diffusion_digits(), at=SWITCH)
        found: dict = {}
        for method, grid in GRID.items():
            tried = {}
            for weight in grid:
                run = methods(mean, data, dict.fromkeys(GRID, weight))[method]
                tried[f"{weight:g}"] = float(psnr(run_of(run, 4, 9, 0).mean(0).clamp(0, 1), x).mean())
            best = max(tried, key=tried.__getitem__)
            found[method] = {"weight": float(best), "psnr": tried}
        return found, {}

    return PARTS.get(f"tuning {name}", make)[0]


def scores(draws: torch.Tensor, x: torch.Tensor) -> dict[str, float]:
    """PSNR, and distances in the judge's features, of the mean of the draws and of one draw."""
    mean = draws.mean(0)
    return {
        "psnr mean": float(psnr(mean.clamp(0, 1), x).mean()),
        "psnr draw": float(psnr(draws[0].clamp(0, 1), x).mean()),
        "distance mean": far(mean, x),
        "distance draw": far(draws[0], x),
    }


def far(x: torch.Tensor, truth: torch.Tensor) -> float:
    """The mean distance of features, over that of two different test digits."""
    judge = NETWORKS["judge"]()
    apart = torch.pdist(features(judge, test_digits()[:200])).mean()
    return float((features(judge, x.clamp(0, 1)) - features(judge, truth.clamp(0, 1))).norm(dim=1).mean() / apart)


def main() -> None:
    """Measure what is missing, and write the record."""
    torch.set_num_threads(1)
    content: dict = {"settings": SETTINGS, "draws": {}, "levels": {}, "posteriors": {}}
    pictures: dict = {}
    for kind in ("test digits", "mixture", *SWITCHES):
        seeds = SEEDS if kind not in ("mixture above 2", "mixture above 0.25") else range(1)
        parts = [PARTS.get(f"{kind} | {seed}", drawn) for seed in seeds]
        content["draws"][kind] = [numbers for numbers, _ in parts]
    content["tuning"] = {name: tuned(name) for name in TASKS}
    for name in TASKS:
        parts = [PARTS.get(f"{name} | {seed}", posterior) for seed in SEEDS]
        content["posteriors"][name] = [numbers for numbers, _ in parts]
        pictures[f"{name}.webp"] = strip(parts[0][1]["shown"])
    for kind, steps in (("Heun", (3, 5, 10)), ("Euler", (5, 10, 19)), ("ancestral", (19, 38))):
        content["levels"][kind] = [PARTS.get(f"{kind} {count}", by_levels)[0] for count in steps]
    save_record(
        "sampling_digits",
        rounded(content),
        command="make records NAME=sampling_digits",
        data="MNIST; models learnt from the first 50,000 training digits, measured on test digits",
        licence=LICENCE,
        seeds=list(SEEDS),
        metric="precision and coverage in the features of two classifiers; PSNR and coverage of intervals",
        pictures=pictures,
    )


def strip(shown: torch.Tensor) -> bytes:
    """Rows of small pictures `(R, C, 1, 28, 28)` as one encoded picture."""
    from deeprestore_lab.course.figures import encode

    rows = [torch.cat(list(row.float() / 255), dim=-1) for row in shown]
    return encode(torch.cat(rows, dim=-2)[None].expand(-1, 3, -1, -1))
