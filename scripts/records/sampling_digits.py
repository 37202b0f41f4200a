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
MORE = {"reconstruction": (1.0, 3.0, 10.0, 30.0), "split Gibbs": (0.05, 0.15, 0.4, 1.0)}  # weights; last rhos
INNER, FALL, STAY = 4, 10, 5  # of split Gibbs, from a coupling of 3
FEW = 2  # seeds of the two
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
    return quality(x) | {"memory": memory(x)}, {}


def measurement(name: str, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """y of digits `x` for a task."""
    operator, noise = task(name)
    clean = operator(x)
    y = clean + noise * torch.randn(clean.shape, generator=generator)
    return operator(y) if name == "inpainting" else y


def numbers_of(seed: int) -> torch.Generator:
    """The random numbers of a seed's measurements."""
    return torch.Generator().manual_seed(500 + seed)


def unseen(seed: int) -> torch.Tensor:
    """The test digits of a seed."""
    return test_digits()[5000 + N * seed :][:N]


def posterior(key: str) -> tuple[dict, dict]:
    """The mixture's exact draws and the splitting methods for one task: scores of mean and draw, and coverage."""
    name, seed = key.split(" | ")
    number = int(seed)
    operator, noise = task(name)
    prior, generator = mixture(), numbers_of(number)
    found: dict = {}
    for kind, x in {"real": unseen(number), "its own": prior.sample(N, seed=50 + number)}.items():
        y = measurement(name, x, generator)
        exact = sampling.MixturePosterior(prior, operator, y, sigma=noise)
        own = exact.sample(K, seed=number)
        unsure = exact.sample(59, seed=1 + number).std(0) > SURE
        blunt = 0.08 * torch.randn(own.shape, generator=generator)
        draws = {"exact, mixture": own, "exact, stopped at 0.08": own + blunt}
        if kind == "real":
            weights = {method: tuned(name)[method]["weight"] for method in GRID}
            runs = methods(hybrid(), likelihood(name, y, K), weights)
            draws |= {method: run_of(run, N, K, number) for method, run in runs.items()}
            mode = exact.mode
            found["real | mode, mixture"] = {"psnr": float(psnr(mode.clamp(0, 1), x).mean()), "distance": far(mode, x)}
        for method, values in draws.items():
            inside = coverage(values, x)[unsure].mean()
            found[f"{kind} | {method}"] = scores(values, x) | {"coverage": float(inside)}
    return found, {}


def asked(key: str) -> tuple[str, int, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A task and seed: its name, the seed, unseen digits, their measurement, and the pixels that it leaves unsure."""
    name, seed = key.split(" | ")
    number = int(seed)
    operator, noise = task(name)
    x = unseen(number)
    y = measurement(name, x, numbers_of(number))
    unsure = sampling.MixturePosterior(mixture(), operator, y, sigma=noise).sample(59, seed=1 + number).std(0) > SURE
    return name, number, x, y, unsure


def by_guidance(key: str) -> tuple[dict, dict]:
    """Pseudo-inverse guidance for one task, on the same measurements."""
    name, number, x, y, unsure = asked(key.removeprefix("guided "))
    mean = sampling.guided(hybrid(), likelihood(name, y, K), rule="pseudo-inverse", spread=0.3)
    values = run_of(sampling.Ancestral(mean, sampling.karras_levels(LONG, **LEVELS)), N, K, number)
    inside = coverage(values, x)[unsure].mean()
    return {"real | pseudo-inverse": scores(values, x) | {"coverage": float(inside)}}, {}


def by_more(key: str) -> tuple[dict, dict]:
    """Reconstruction guidance and split Gibbs for one task, on the same measurements, at their tuned settings."""
    name, number, x, y, unsure = asked(key.removeprefix("more "))
    found = {}
    for method in MORE:
        values = by_setting(method, name, y, K, setting=tuned_more(name)[method]["setting"], seed=number)
        inside = coverage(values, x)[unsure].mean() if bool(values.isfinite().all()) else torch.tensor(0.0)
        found[f"real | {method}"] = scores(values, x) | {"coverage": float(inside)}
    return found, {}


def by_setting(method: str, name: str, y: torch.Tensor, k: int, *, setting: float, seed: int) -> torch.Tensor:
    """Draws `(k, n, 1, 28, 28)` by one of `MORE`; not-a-number where the run diverged."""
    data = likelihood(name, y, k)
    if method == "split Gibbs":
        run = sampling.SplitGibbs(
            hybrid(), data, rhos=sampling.falling(3.0, setting, fall=FALL, stay=STAY), inner=INNER, smallest=0.01
        )
    else:
        mean = sampling.guided(hybrid(), data, rule="reconstruction", weight=setting)
        run = sampling.Ancestral(mean, sampling.karras_levels(LONG, **LEVELS))
    try:
        return run_of(run, len(y), k, seed)
    except ValueError:
        return torch.full((k, len(y), 1, 28, 28), float("nan"))


def tuned_more(name: str) -> dict[str, dict]:
    """For each of `MORE` the setting whose mean has the best PSNR on four validation digits."""

    def make(_: str) -> tuple[dict, dict]:
        x = split()[1][:4]
        y = measurement(name, x, torch.Generator().manual_seed(9))
        found: dict = {}
        for method, grid in MORE.items():
            tried: dict[float, float] = {}
            left = list(grid)
            while left:
                setting = left.pop(0)
                mean = by_setting(method, name, y, 9, setting=setting, seed=0).mean(0)
                good = bool(mean.isfinite().all())
                tried[setting] = float(psnr(mean.clamp(0, 1), x).mean()) if good else 0.0
                best = max(tried, key=tried.__getitem__)
                if not left and best == max(tried):  # at the upper edge: wider
                    left = [3 * best]
            found[method] = {"setting": best, "psnr": {f"{setting:g}": value for setting, value in tried.items()}}
        return found, {}

    return PARTS.get(f"tuning more {name}", make)[0]


def hybrid() -> sampling.Mean:
    """The mixture above the switch, the network below."""
    return sampling.switched(mixture(), diffusion_digits(), at=SWITCH)


def likelihood(name: str, y: torch.Tensor, k: int) -> GaussianLikelihood:
    """The data term of a task for k draws of each measurement."""
    operator, noise = task(name)
    return GaussianLikelihood(operator, y.repeat(k, 1, 1, 1), sigma=noise)


def methods(mean: sampling.Mean, data: GaussianLikelihood, weights: dict[str, float]) -> dict[str, sampling.Ancestral]:
    """The methods that have a weight."""
    levels = sampling.karras_levels(LONG, **LEVELS)
    split_mean = sampling.guided(mean, data, rule="splitting", weight=weights["DiffPIR"])
    return {
        "DPS": sampling.DPS(mean, levels, data, weight=weights["DPS"]),
        "DiffPIR": sampling.Renoised(split_mean, levels, share=0.5),
    }


def run_of(run: sampling.Sampler, n: int, k: int, seed: int) -> torch.Tensor:
    """Draws `(k, n, 1, 28, 28)` of a method."""
    start = sampling.noise_start(n * k, (1, 28, 28), sigma=LEVELS["largest"], seed=seed)
    return sampling.draw(run, start, seed=seed).x.unflatten(0, (k, n))


def tuned(name: str) -> dict[str, dict]:
    """For each method with a weight the one of the grid whose mean has the best PSNR on four validation digits."""

    def make(_: str) -> tuple[dict, dict]:
        x = split()[1][:4]
        data = likelihood(name, measurement(name, x, torch.Generator().manual_seed(9)), 9)
        found: dict = {}
        for method, grid in GRID.items():
            tried = {}
            for weight in grid:
                run = methods(hybrid(), data, dict.fromkeys(GRID, weight))[method]
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
    content: dict = {"settings": SETTINGS, "draws": {}, "posteriors": {}}
    for kind in ("test digits", "mixture", *SWITCHES):
        seeds = SEEDS if kind not in ("mixture above 2", "mixture above 0.25") else range(1)
        parts = [PARTS.get(f"{kind} | {seed}", drawn) for seed in seeds]
        content["draws"][kind] = [numbers for numbers, _ in parts]
    content["tuning"] = {name: tuned(name) for name in TASKS}
    content["more tuning"] = {name: tuned_more(name) for name in TASKS}
    for name in TASKS:
        parts = [
            PARTS.get(f"{name} | {seed}", posterior)[0]
            | PARTS.get(f"guided {name} | {seed}", by_guidance)[0]
            | (PARTS.get(f"more {name} | {seed}", by_more)[0] if seed < FEW else {})
            for seed in SEEDS
        ]
        content["posteriors"][name] = parts
    save_record(
        "sampling_digits",
        rounded(content),
        command="make records NAME=sampling_digits",
        data="MNIST; models learned from the first 50,000 training digits, measured on test digits",
        licence=LICENCE,
        seeds=list(SEEDS),
        metric="precision and coverage in the features of two classifiers; PSNR and coverage of intervals",
    )
