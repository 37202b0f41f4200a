"""Samples a second of the digits' diffusion model: Heun against ancestral steps, a batch against one by one, and DPS.

Heun and ancestral steps are given the same hybrid; the ancestral sampler has the number of steps, of a list, at which
precision and coverage in the second classifier's features (against as many test digits) reach Heun's less a hundredth;
the note has both. Goal, set before measuring: twice as many samples a second.

DPS is deepinv's, with our denoiser, on a digit with a hole; each sampler takes the same number of steps from its own
levels at its best weight of a list, and the note has the PSNR of the mean of the draws. Where deepinv is missing the
row is left out.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import torch

from deeprestore_lab import sampling
from deeprestore_lab.data import embedded_mnist
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.measures.sample_quality import precision_and_coverage
from deeprestore_lab.networks import diffusion_digits, digit_judge
from deeprestore_lab.operators import Mask
from deeprestore_lab.priors import fit_gaussian_mixture

LEVELS = {"smallest": 0.01, "largest": 10.0}
GOAL, NOISE, WEIGHTS = 2.0, 0.1, (0.3, 1.0, 3.0)


def hybrid() -> sampling.Mean:
    """The mixture of 60 Gaussians above 0.5, the network below."""
    images = embedded_mnist("train")[0].float() / 255
    mixture = fit_gaussian_mixture(images, parts=60, rank=15, seed=0)
    return sampling.switched(mixture, diffusion_digits(), at=0.5)


def timed(function: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def quality(x: torch.Tensor, real: torch.Tensor) -> float:
    """Precision plus coverage in the judge's features."""
    judge = digit_judge()
    with torch.no_grad():
        found = precision_and_coverage(judge.features(x.clamp(0, 1)), judge.features(real))
    return found.precision + found.coverage


def row(name: str, own: float, peer: str, theirs: float, *, goal: str = "", note: str) -> dict:
    met = theirs / own >= GOAL if goal else None
    return {
        "name": name,
        "ours_s": own,
        "peer": peer,
        "peer_s": theirs,
        "ratio": theirs / own,
        "goal": goal,
        "met": met,
        "note": note,
    }


def by_deepinv(operator: Mask, y: torch.Tensor, steps: int, weight: float) -> torch.Tensor:
    """Draws by deepinv's DPS with our denoiser; it works on pictures in [-1, 1] and asks the denoiser in [0, 1]."""
    from deepinv.physics import GaussianNoise, Inpainting
    from deepinv.sampling import DPS

    net = diffusion_digits()

    class Ours(torch.nn.Module):
        def forward(self, x: torch.Tensor, sigma: float | torch.Tensor, **_: object) -> torch.Tensor:
            level = torch.as_tensor(sigma, dtype=torch.float32).flatten().clamp(0.002, 10.0)
            return net(x.float(), level.expand(len(x)) if level.numel() == 1 else level).to(x.dtype)

    physics = Inpainting((1, 28, 28), mask=operator.mask[0], noise_model=GaussianNoise(NOISE))
    model = DPS(Ours(), num_steps=steps, weight=weight, dtype=torch.float32, rng=torch.Generator().manual_seed(0))
    return model(y, physics)


def run(*, count: int = 200, levels: int = 10, steps: int = 50, draws: int = 19) -> list[dict]:
    """Three rows, or two without deepinv."""
    mean, real = hybrid(), embedded_mnist("test")[0][:count].float() / 255
    start = sampling.noise_start(count, (1, 28, 28), sigma=10.0, seed=0)
    heun = sampling.Heun(mean, sampling.karras_levels(levels, **LEVELS))
    sampling.draw(heun, start[:2], seed=0)  # what is made once
    x, own = timed(lambda: sampling.draw(heun, start, seed=0).x)
    reached, theirs, tried = quality(x, real), float("nan"), []
    for factor in (1, 2, 4, 8):
        ancestral = sampling.Ancestral(mean, sampling.karras_levels(factor * heun.evaluations, **LEVELS))
        drawn, theirs = timed(lambda ancestral=ancestral: sampling.draw(ancestral, start, seed=0).x)
        tried.append(f"{ancestral.evaluations}: {quality(drawn, real):.3f}")
        if quality(drawn, real) >= reached - 0.01:
            break
    note = f"precision + coverage {reached:.3f} with {heun.evaluations} evaluations; ancestral " + ", ".join(tried)
    rows = [row(f"{count} digits, Heun", own, "ancestral steps", theirs, goal=f"{GOAL:g} times as fast", note=note)]

    few = start[: min(count, 32)]
    _, together = timed(lambda: sampling.draw(heun, few, seed=0).x)
    _, alone = timed(lambda: torch.cat([sampling.draw(heun, each[None], seed=0).x for each in few]))
    rows.append(row(f"{len(few)} digits in a batch", together, "one by one", alone, note="the same numbers"))

    if importlib.util.find_spec("deepinv") is not None:
        seen = torch.ones(28, 28)
        seen[8:20, 4:24] = 0
        operator, truth = Mask(seen), real[3:4]
        noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
        y = operator(truth + NOISE * noise).repeat(draws, 1, 1, 1)
        data, many = GaussianLikelihood(operator, y, sigma=NOISE), sampling.karras_levels(steps, **LEVELS)
        begin = sampling.noise_start(draws, (1, 28, 28), sigma=10.0, seed=2)
        best: dict[str, tuple[float, float, float]] = {}
        for weight in WEIGHTS:
            dps = sampling.DPS(diffusion_digits(), many, data, weight=weight)
            for name, way in (
                ("ours", lambda dps=dps: sampling.draw(dps, begin, seed=0).x),
                ("deepinv", lambda weight=weight: by_deepinv(operator, y, steps, weight)),
            ):
                found, seconds = timed(way)
                score = float(psnr(found.mean(0, keepdim=True).clamp(0, 1), truth))
                best[name] = max(best.get(name, (-1.0, 0.0, 0.0)), (score, seconds, weight))
        notes = "; ".join(f"{name} {score:.1f} dB, weight {weight:g}" for name, (score, _, weight) in best.items())
        rows.append(row(f"DPS, {steps} steps", best["ours"][1], "deepinv's DPS", best["deepinv"][1], note=notes))
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in run():
        print(each)
