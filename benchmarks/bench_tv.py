"""Total variation denoising against scikit-image and deepinv: the time to reach the same objective.

The problem is argmin of 1/2 ||x - v||^2 + weight TV(x), isotropic, each colour channel by itself, on photographs of
256 x 256 with noise of sigma = 25/255. For each accuracy, the excess of the objective over its minimum, each peer gets
the cheapest of its settings that reaches it on average over the batch. Ours gets the loosest duality gap with which
the objective is at most the peer's. Then all are timed in turns; the best of the turns counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from deepinv.models import TVDenoiser
from skimage.restoration import denoise_tv_chambolle

from deeprestore_lab.images.named_photographs import photographs
from deeprestore_lab.images.noise import gaussian_noise
from deeprestore_lab.priors.total_variation import total_variation
from deeprestore_lab.priors.tv_denoise import tv_denoise

PHOTOGRAPHS = (
    *("astronaut", "chelsea", "china", "coffee", "flower", "hubble", "immunohistochemistry", "motorcycle"),
    *("retina", "rocket", "camera", "cell", "clock", "coins", "moon", "brick"),  # the last six have equal channels
)
WEIGHT = 0.1
EXCESS = (1e-2, 1e-3)
LEAST_TURNS, MOST_TURNS, ENOUGH_S = 3, 40, 10.0  # short calls take more turns, the same for both

Denoiser = Callable[[torch.Tensor], torch.Tensor]


def objective(x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """1/2 ||x - v||^2 + weight TV(x), in float64."""
    x, v = x.double(), v.double()
    return (x - v).square().flatten(1).sum(1) / 2 + WEIGHT * total_variation(x, colour="channel")


def ours(gap: float) -> Denoiser:
    return lambda v: tv_denoise(v, WEIGHT, colour="channel", gap=gap)[0]


def scikit_image(eps: float) -> Denoiser:
    """One picture after the other: it knows no batches."""

    def denoise(v: torch.Tensor) -> torch.Tensor:
        images = v.permute(0, 2, 3, 1).contiguous().numpy()
        found = [denoise_tv_chambolle(i, weight=WEIGHT, eps=eps, max_num_iter=5000, channel_axis=-1) for i in images]
        return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2)

    return denoise


def deepinv(tau: float, crit: float) -> Denoiser:
    """A new denoiser for each call: it would start from its last result."""
    return lambda v: TVDenoiser(tau=tau, crit=crit, n_it_max=5000)(v, WEIGHT)


EPS = (1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 5e-6, 2e-6, 1e-6, 5e-7, 2e-7, 1e-7)
CRIT = (2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 5e-6)
PEERS = {  # ladders of settings, each from loose to tight
    "scikit-image": [[scikit_image(eps) for eps in EPS]],
    "deepinv": [[deepinv(tau, crit) for crit in CRIT] for tau in (0.05, 0.1, 0.2)],
}
OURS = [ours(gap) for gap in (3e-2, 2e-2, 1e-2, 5e-3, 3e-3, 2e-3, 1e-3, 5e-4, 3e-4, 2e-4, 1e-4, 5e-5, 2e-5)]


def seconds(denoise: Denoiser, v: torch.Tensor) -> tuple[float, torch.Tensor]:
    """How long one call takes, and its result."""
    start = time.perf_counter()
    x = denoise(v)
    return time.perf_counter() - start, x


def cheapest(ladders: list[list[Denoiser]], v: torch.Tensor, lowest: torch.Tensor, excess: float) -> Denoiser:
    """The fastest of a peer's settings whose objective is within `excess` of the lowest, on average."""
    good = []
    for ladder in ladders:
        for denoise in ladder:
            spent, x = seconds(denoise, v)
            if float((objective(x, v) / lowest - 1).mean()) <= excess:
                good.append((min(spent, seconds(denoise, v)[0]), denoise))
                break
    if not good:
        raise RuntimeError(f"none of the settings reaches an objective within {excess:g} of the lowest")
    return min(good, key=lambda pair: pair[0])[1]


def as_low(v: torch.Tensor, wanted: torch.Tensor) -> Denoiser:
    """Ours with the loosest gap whose objective is at most `wanted`, for every image."""
    return next(denoise for denoise in OURS if bool((objective(denoise(v), v) <= wanted).all()))


def compare(name: str, v: torch.Tensor, few: torch.Tensor, excess: float, goal: float) -> list[dict]:
    """One row for each peer; its settings are chosen on `few` images."""
    lowest = objective(tv_denoise(few.double(), WEIGHT, colour="channel", gap=1e-6)[0], few)
    rows = []
    for peer, ladders in PEERS.items():
        theirs = cheapest(ladders, few, lowest, excess)
        own = as_low(v, objective(theirs(v), v))
        turns, began = [], time.perf_counter()
        while len(turns) < LEAST_TURNS or (len(turns) < MOST_TURNS and time.perf_counter() - began < ENOUGH_S):
            turns.append((seconds(own, v)[0], seconds(theirs, v)[0]))
        own_s, peer_s = (min(times) for times in zip(*turns, strict=True))
        rows.append(
            {
                "name": f"TV 256 x 256, {name}, within {excess:g}",
                "ours_s": own_s,
                "peer": peer,
                "peer_s": peer_s,
                "ratio": peer_s / own_s,
                "goal": f"{goal:g} times as fast" if goal > 1 else "no slower",
                "met": peer_s / own_s >= goal,
                "note": f"best of {len(turns)} turns",
            }
        )
    return rows


def run() -> list[dict]:
    """A batch of 16 photographs and a single one, at two accuracies."""
    x = photographs(PHOTOGRAPHS, size=256)
    v = x + gaussian_noise(x, sigma=25 / 255, seed=0)
    few = v[:2]
    rows = []
    for excess in EXCESS:
        rows += compare("16 photographs", v, few, excess, 2.0)
        rows += compare("one photograph", v[:1], v[:1], excess, 1.0)
    return rows
