"""Samplers in the solvable world of chapter 21: evaluations to an error of 5 %, and whether intervals hold.

The field is 16 x 16 with a power spectrum and condition 129. The law of the draws is followed exactly (`sampling.law`),
so the counts need no seed; Metropolis's test is not linear, and MALA is run on many chains. Every sampler has the
settings, of a grid, that need the fewest evaluations. The posteriors are those of an 8 x 8 field with half of its
pixels missing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import torch

from deeprestore_lab import sampling
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.measures.calibration import coverage
from deeprestore_lab.operators import Mask
from deeprestore_lab.priors import StationaryField
from scripts.making.resumable import Parts, rounded

GOAL, MOST = 0.05, 4000
SEEDS = range(5)
CHAINS, WALKED, BANDS = 1500, 3000, 16
N, K, NOISE, SPREAD = 60, 39, 0.05, 0.2
FIELD = StationaryField.power_law((16, 16), mean=0.0)
VARIANCES = torch.linalg.eigvalsh(FIELD.covariance())
LOW, HIGH = float(VARIANCES.min().sqrt()), float(VARIANCES.max().sqrt())
LEVELS = list(product((1 / 2, 1 / 3, 1 / 5, 1 / 10, 1 / 20), (1, 2, 5, 10, 20), (3, 5, 7, 9, 12, 16, 24)))
COARSE = list(
    product((1 / 5, 1 / 3, 1 / 2, 1 / 10), (1, 0.7, 2), (12, 7, 20))
)  # for the sampler with two settings more
WALKS = list(product((1, 2, 3), (1.0, 0.75, 1.25, 1.5, 1.75)))
STEPS_OF_MALA = (0.1, 0.3, 0.6)
SETTINGS = {"goal": GOAL, "n": N, "k": K, "chains": CHAINS, "walked": WALKED, "grid": len(LEVELS), "noise": NOISE}
PARTS = Parts("sampling_world", SETTINGS)


def mean(y: torch.Tensor, sigma: float) -> torch.Tensor:
    """The mean of the field under noise, in the coordinates of its eigenvectors."""
    return y * (VARIANCES / (VARIANCES + sigma**2)).to(y)


def levels(count: int, setting: tuple[float, float, float]) -> list[float]:
    """Levels for a setting: shares of the smallest and the largest deviation, and rho."""
    return sampling.karras_levels(count, smallest=setting[0] * LOW, largest=setting[1] * HIGH, rho=setting[2])


def error(sampler: sampling.Euler, key: str) -> float:
    """The error of a sampler along falling levels that starts with plain noise."""
    start = torch.full_like(VARIANCES, sampler.levels[0] ** 2)
    return sampling.errors_of_law(sampling.law(sampler, start), VARIANCES)[key]


def fewest(make: Callable[[int], sampling.Euler], key: str, *, most: int) -> int | None:
    """The smallest count with an error of 5 % at most: doubling, then halving the gap; None above `most`."""
    low, high = 1, 2
    while error(make(high), key) > GOAL:
        low, high = high, 2 * high
        if low >= most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if error(make(middle), key) <= GOAL else (middle, high)
    return high


def along_levels(name: str) -> tuple[dict, dict]:
    """The best of the grid for each error of a sampler along falling levels."""
    kinds = {"Heun": sampling.Heun, "Euler": sampling.Euler, "ancestral": sampling.Ancestral}
    found: dict = {}
    settings = LEVELS if name in kinds else [(where, *walk) for where in COARSE for walk in WALKS]
    for key in ("Frobenius", "worst"):
        best: tuple | None = None
        for setting in settings:
            if name in kinds:
                make = partial(lambda n, s: kinds[name](mean, levels(n, s)), s=setting)
            else:
                make = partial(
                    lambda n, s: sampling.AnnealedLangevin(mean, levels(n, s[0]), inner=s[1], share=s[2]), s=setting
                )
            if best is not None and error(make(_count_for(make, best[0])), key) > GOAL:
                continue  # not better with the evaluations of the best so far
            count = fewest(make, key, most=400)
            if count is not None and (best is None or make(count).evaluations < best[0]):
                best = (make(count).evaluations, count, setting)
        found[key] = None if best is None else {"evaluations": best[0], "count": best[1], "setting": _flat(best[2])}
    return found, {}


def _count_for(make: Callable[[int], sampling.Euler], evaluations: int) -> int:
    """The largest count that costs fewer than so many evaluations, at least 2."""
    each = (make(12).evaluations - make(2).evaluations) // 10
    return max(2, 2 + (evaluations - 1 - make(2).evaluations) // each)


def _flat(setting: tuple) -> list[float]:
    return [float(v) for part in setting for v in (part if isinstance(part, tuple) else (part,))]


def langevin(_: str) -> tuple[dict, dict]:
    """Unadjusted, from the mean: for each error the step, in units of the smallest variance, that gets there first."""
    found: dict = {}
    for key in ("Frobenius", "worst"):
        best: tuple | None = None
        for share in (0.02, 0.04, 0.06, 0.07, 0.08, 0.09, 0.1, 0.3, 0.6, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5):
            lr, variances = share * VARIANCES.min(), torch.zeros_like(VARIANCES)
            for k in range(1, MOST):
                variances = (1 - lr / VARIANCES).square() * variances + 2 * lr
                if sampling.errors_of_law(variances, VARIANCES)[key] <= GOAL:
                    best = min(best or (k, share), (k, share))
                    break
        found[key] = {"evaluations": best[0], "share": best[1]}
    stationary = VARIANCES / (1 - VARIANCES.min() / (2 * VARIANCES))
    found["at the smallest variance"] = sampling.errors_of_law(stationary, VARIANCES)
    return found, {}


class Diagonal(Energy):
    """The field in the coordinates of its eigenvectors, pictures of one line."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return (x.square() / VARIANCES.to(x)).flatten(1).sum(1) / 2

    def score(self, x: torch.Tensor) -> torch.Tensor:
        return -x / VARIANCES.to(x)


def measured(x: torch.Tensor) -> list[float]:
    """The errors of many draws: in Frobenius norm, and of the worst of 16 bands of eigenvalues (against noise)."""
    found = x.double().square().mean((0, 1, 2))
    bands = (found / VARIANCES).reshape(BANDS, -1).mean(1)
    return [sampling.errors_of_law(found, VARIANCES)["Frobenius"], float((bands - 1).abs().max())]


def adjusted(key: str) -> tuple[dict, dict]:
    """MALA on many chains: errors against steps, with the noise that as many exact draws have."""
    share = float(key.split()[1])
    sampler = sampling.AdjustedLangevin(Diagonal(), lr=share * float(VARIANCES.min()), steps=WALKED)
    curve: list = []

    def note(k: int, x: torch.Tensor) -> None:
        if k % 50 == 0:
            curve.append([k, *measured(x)])

    start = torch.zeros(CHAINS, 1, 1, len(VARIANCES))
    drawn = sampling.draw(sampler, start, seed=0, callback=note)
    exact = VARIANCES.sqrt() * torch.randn(CHAINS, 1, 1, len(VARIANCES), generator=torch.Generator().manual_seed(1))
    return {"curve": curve, "accepted": float(drawn.accepted.mean()), "floor": measured(exact)}, {}


def methods(field: StationaryField, data: GaussianLikelihood, y: torch.Tensor) -> dict[str, tuple]:
    """The posterior samplers and where they start."""
    pseudo = sampling.guided(field, data, rule="pseudo-inverse", spread=SPREAD)
    start = sampling.noise_start(N * K, (1, 8, 8), sigma=10, seed=3, mean=0.5)

    def at(count: int, largest: float = 10) -> list[float]:
        return sampling.karras_levels(count, smallest=0.01, largest=largest)

    found: dict[str, tuple] = {
        "pseudo-inverse, Heun 20": (sampling.Heun(pseudo, at(20)), start),
        "pseudo-inverse, ancestral 100": (sampling.Ancestral(pseudo, at(100)), start),
        "reconstruction, ancestral 100": (
            sampling.Ancestral(sampling.guided(field, data, rule="reconstruction"), at(100)),
            start,
        ),
        "annealed Langevin 20 x 50": (sampling.AnnealedLangevin(pseudo, at(20, 1), inner=50, share=0.25), start / 10),
    }
    for weight, count in ((0.1, 100), (0.3, 100), (0.6, 100), (1.0, 100), (1.0, 1000)):
        found[f"DPS {weight:g}, {count}"] = (sampling.DPS(field, at(count), data, weight=weight), start)
    for weight, share in product((1.0, 3.0), (0.0, 0.5, 1.0)):
        split = sampling.guided(field, data, rule="splitting", weight=weight)
        found[f"DiffPIR {weight:g}, {share:g}"] = (sampling.Renoised(split, at(100), share=share), start)
    for rho, stay in ((0.1, 30), (0.02, 30), (0.02, 230)):
        rhos = sampling.falling(1.0, rho, fall=22, stay=stay)
        found[f"split Gibbs {rho:g}, {len(rhos)} sweeps"] = (sampling.SplitGibbs(field, data, rhos=rhos, inner=12), y)
    return found


def intervals(key: str) -> tuple[dict, dict]:
    """The coverage of 90 % intervals over the hidden pixels, and how far the mean of the draws is from the true one."""
    seed = int(key.split()[1])
    field = StationaryField.power_law((8, 8))
    generator = torch.Generator().manual_seed(100 + seed)
    x, mask = field.sample(N, seed=seed), (torch.rand(8, 8, generator=generator) < 0.5).float()
    y = mask * (x + NOISE * torch.randn(x.shape, generator=generator))
    posterior, many = field.posterior(Mask(mask), y, sigma=NOISE), y.repeat(K, 1, 1, 1)
    runs = methods(field, GaussianLikelihood(Mask(mask), many, sigma=NOISE), many)
    exact = torch.stack([posterior.sample(K, seed=1000 * (1 + seed) + i, image=i) for i in range(N)], 1)
    found, hidden = {}, mask == 0
    for name, drawn in [("exact", exact)] + [(name, None) for name in runs]:
        evaluations = 0
        if drawn is None:
            run = sampling.draw(*runs[name], seed=11)
            drawn, evaluations = run.x.reshape(K, N, 1, 8, 8), run.evaluations
        off = (drawn.mean(0) - posterior.mean)[..., hidden].square().mean().sqrt()
        ratio = (drawn.var(0)[..., hidden].mean() / posterior.variance[..., hidden].mean()).sqrt()
        inside = coverage(drawn, x)
        found[name] = {
            "hidden": float(inside[..., hidden].mean()),
            "seen": float(inside[..., ~hidden].mean()),
            "mean_off": float(off / posterior.variance[..., hidden].mean().sqrt()),
            "deviation": float(ratio),
            "evaluations": evaluations,
        }
    return found, {}


def main() -> None:
    """Measure what is missing, and write the record."""
    torch.set_num_threads(1)
    kinds = ("Heun", "Euler", "ancestral", "annealed Langevin")
    content: dict = {"settings": SETTINGS, "evaluations": {name: PARTS.get(name, along_levels)[0] for name in kinds}}
    content["evaluations"]["Langevin"] = PARTS.get("Langevin", langevin)[0]
    content["MALA"] = {f"{share}": PARTS.get(f"MALA {share}", adjusted)[0] for share in STEPS_OF_MALA}
    content["intervals"] = [PARTS.get(f"intervals {seed}", intervals)[0] for seed in SEEDS]
    save_record(
        "sampling_world",
        rounded(content),
        command="make records NAME=sampling_world",
        data="Gaussian random fields, made by the script",
        licence="none needed",
        seeds=list(SEEDS),
        metric="evaluations until the covariance of the draws is right to 5 %; coverage of 90 % intervals",
    )
