"""Sliced Wasserstein against POT's exact and entropic transport, at equal error of the estimate.

What is estimated is the squared distance W2^2 between two laws in ten dimensions, from fresh samples: the uniform law
of the cube, and the same law moved by 0.3 along each axis. The truth is 10 * 0.3^2 = 0.9. The dimension times the
sliced distance estimates the same number here, since an orthonormal block of directions sees all of a shift; for laws
that differ otherwise it is a lower bound, and the sides would not measure the same thing.

Each peer runs on samples of one size and has an error: the root mean square of its relative deviation over several
draws. Ours takes the smallest power of two of points whose error, over ten times as many draws, is no larger. Exact
transport has the bias of finite samples in ten dimensions, and the entropic cost adds that of its regularisation, so
that is small. The entropic divergence, which subtracts half the cost of each sample to itself, loses both biases
where the regularisation is large: the peer to be taken seriously. The time of ours holds the drawing of directions.

Goals, set before measuring: 100 times as fast as exact and entropic transport, 10 times as fast as the divergence.
POT's own sliced distance on the same points and directions must give the same number, else the benchmark stops.
Without POT there are no peers, and the one row says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch

from deeprestore_lab.measures.discrepancies import random_directions, sliced_wasserstein

LATENT, SHIFT, DIRECTIONS = 10, 0.3, 50
TRUTH = LATENT * SHIFT**2
COST_WIDTH, DIVERGENCE_WIDTH = 0.02, 1.0  # the regularisation over the mean cost between the samples
GOALS = {"exact, ot.emd2": 100.0, "entropic, ot.sinkhorn2": 100.0, "entropic divergence, 3 ot.sinkhorn2": 10.0}
LARGEST = 2**17
REPEATS = 20  # of ours in a turn: one takes less than a millisecond

Estimate = Callable[[torch.Tensor, torch.Tensor], float]


def pot() -> ModuleType | None:
    """The POT library, or None where it is not installed."""
    try:
        import ot
    except ImportError:
        return None
    return ot


def draw(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A sample of each law, `(count, LATENT)`."""
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, LATENT, generator=generator)
    return a, b + SHIFT


def sliced(a: torch.Tensor, b: torch.Tensor) -> float:
    """Ours."""
    directions = random_directions(LATENT, DIRECTIONS, orthogonal=True)
    return LATENT * float(sliced_wasserstein(a, b, directions=directions))


def peers(ot: ModuleType) -> dict[str, Estimate]:
    """POT's estimates of the same number, by name."""

    def cost(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
        return ot.dist(a.double().numpy(), b.double().numpy())

    def entropic(costs: np.ndarray, regularisation: float) -> float:
        return float(ot.sinkhorn2([], [], costs, regularisation))

    def exact(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(ot.emd2([], [], cost(a, b)))

    def sinkhorn(a: torch.Tensor, b: torch.Tensor) -> float:
        costs = cost(a, b)
        return entropic(costs, COST_WIDTH * costs.mean())

    def divergence(a: torch.Tensor, b: torch.Tensor) -> float:
        costs = cost(a, b)
        regularisation = DIVERGENCE_WIDTH * costs.mean()
        own = sum(entropic(cost(rows, rows), regularisation) for rows in (a, b))
        return entropic(costs, regularisation) - own / 2

    return dict(zip(GOALS, (exact, sinkhorn, divergence), strict=True))


def check_same_number(ot: ModuleType, *, count: int = 200) -> None:
    """Stop where POT's sliced distance is another number than ours on the same points and directions."""
    (a, b), directions = draw(count, 0), random_directions(LATENT, DIRECTIONS)
    ours = float(sliced_wasserstein(a, b, directions=directions))
    options = {"projections": directions.numpy(), "n_projections": DIRECTIONS}
    theirs = float(ot.sliced_wasserstein_distance(a.numpy(), b.numpy(), **options)) ** 2
    if abs(ours / theirs - 1) > 1e-4:
        raise AssertionError(f"the sliced distances differ: ours {ours}, POT's {theirs}")


def error(estimate: Estimate, count: int, draws: int) -> float:
    """The root mean square of the relative deviation from the truth over `draws` pairs of samples."""
    values = [estimate(*draw(count, seed)) for seed in range(draws)]
    return float(np.sqrt(np.mean((np.array(values) / TRUTH - 1) ** 2)))


def smallest(largest_error: float, draws: int) -> tuple[int, float]:
    """The smallest power of two of points with which the error of ours is no larger, and that error."""
    count = 4
    while (own := error(sliced, count, draws)) > largest_error and count < LARGEST:
        count *= 2
    return count, own


def seconds(estimate: Estimate, samples: tuple[torch.Tensor, torch.Tensor], repeats: int = 1) -> float:
    """The time of one estimate, the mean of `repeats`."""
    began = time.perf_counter()
    for _ in range(repeats):
        estimate(*samples)
    return (time.perf_counter() - began) / repeats


def compare(peer: str, theirs: Estimate, count: int, *, draws: int, turns: int) -> dict:
    """One row: ours with as many points as it needs, the peer with `count`, in turns, the best of each."""
    peer_error = error(theirs, count, draws)
    points, own_error = smallest(peer_error, 10 * draws)
    times = [
        (seconds(sliced, draw(points, turn), REPEATS), seconds(theirs, draw(count, turn))) for turn in range(turns)
    ]
    own_s, peer_s = (min(turn[side] for turn in times) for side in (0, 1))
    return {
        "name": f"W2^2 of a shift, {LATENT} dimensions",
        "ours_s": own_s,
        "peer": f"{peer}, {count} points",
        "peer_s": peer_s,
        "ratio": peer_s / own_s,
        "goal": f"{GOALS[peer]:g} times as fast",
        "met": peer_s / own_s >= GOALS[peer] and own_error <= peer_error,
        "note": f"error {own_error:.1%} with {points} points and {DIRECTIONS} directions, the peer's {peer_error:.1%}; "
        f"best of {turns}",
    }


def run(*, count: int = 1000, draws: int = 10, turns: int = 5) -> list[dict]:
    """A row for each peer; without POT one row of ours alone."""
    torch.manual_seed(0)
    if (ot := pot()) is None:
        own_s = min(seconds(sliced, draw(count, turn), REPEATS) for turn in range(turns))
        row = {
            "name": f"sliced Wasserstein, {count} points",
            "ours_s": own_s,
            "peer": "",
            "peer_s": None,
            "ratio": None,
        }
        note = "POT is not installed (it comes with the extra benchmarks): no peer to compare with"
        return [row | {"goal": "", "met": None, "note": note}]
    check_same_number(ot)
    return [compare(peer, theirs, count, draws=draws, turns=turns) for peer, theirs in peers(ot).items()]


if __name__ == "__main__":
    torch.set_num_threads(2)
    for each in run():
        print(each)
