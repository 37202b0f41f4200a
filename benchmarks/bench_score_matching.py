"""Learning filters by score matching: the seconds to the last percent of J, against joint descent and L-BFGS.

64 filters of 8 x 8 with Student-t experts on 10,000 whitened patches of four embedded photographs. All sides start
from the same random rows, keep them at norm 1 and are judged by J on all patches, outside of the time. Seconds are
those of the CPU on one thread, so that they do not depend on what else the machine does. The goal line is
1 % above the lowest J that any side reached, ours with many steps among them. Each side may choose how long it runs:
its learning rate falls to zero along a cosine over that number of steps, and what counts is the shortest run of a
ladder that ends below the line.

The first peer is the usual thing: filters and weights together by torch's SGD with momentum 0.9, autograd through the
loss, weights clipped at zero, the same size of batches in shuffled rounds, at the best of three rates. The second is
SciPy's L-BFGS on all patches with weights a = r^2 and the gradient written out. Goal, set before measuring: a third of
the time of the first peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from scipy.optimize import minimize

from deeprestore_lab import images
from deeprestore_lab.priors.experts import STUDENT
from deeprestore_lab.training import cosine
from deeprestore_lab.training.score_matching import (
    explicit_loss,
    learn_filters,
    loss_and_gradient,
    patch_vectors,
    random_rows,
    whitening,
)

GOAL, LAST = 3.0, 0.99
NAMES, SIDE, SIZE, COUNT, BATCH = ("china", "flower", "rocket", "coffee"), 256, 8, 64, 500
RATES = (0.03, 0.05, 0.1)
STEPS = {"ours": (300, 400, 550, 750), "sgd": (700, 900, 1200, 1600), "lbfgs": (90, 130, 200)}
MANY = 2000  # steps of ours that set the line

Found = tuple[torch.Tensor, torch.Tensor]


@cache
def samples(count: int) -> torch.Tensor:
    """Whitened patches, `(count, 63)`."""
    pictures = []
    for name in NAMES:
        x = images.photograph(name, grey=True)
        scale = SIDE / min(x.shape[2:])
        pictures.append(images.resize(x, tuple(round(scale * n) for n in x.shape[2:])))
    x = patch_vectors(pictures, size=SIZE, count=count, seed=0)
    return whitening(x).whiten(x)


def ours(z: torch.Tensor, steps: int) -> Found:
    learnt = learn_filters(z, COUNT, steps=steps, batch=BATCH)
    return learnt.filters, learnt.weights


def joint(z: torch.Tensor, steps: int, *, lr: float) -> Found:
    """Filters and weights together by SGD with momentum."""
    filters, weights = random_rows(COUNT, z.shape[1]).requires_grad_(), torch.full((COUNT,), 2.0, requires_grad=True)
    optimiser, rate = torch.optim.SGD([filters, weights], lr=lr, momentum=0.9), cosine(lr, steps)
    draw, order = torch.Generator().manual_seed(0), torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < BATCH:
            order = torch.randperm(len(z), generator=draw)
        own, order = order[:BATCH], order[BATCH:]
        optimiser.param_groups[0]["lr"] = rate(step)
        optimiser.zero_grad()
        explicit_loss(filters, weights, z[own]).backward()
        optimiser.step()
        with torch.no_grad():
            filters.div_(filters.norm(dim=1, keepdim=True))
            weights.clamp_(min=0)
    return filters.detach(), weights.detach()


def limited_memory(z: torch.Tensor, steps: int) -> Found:
    """SciPy's L-BFGS over the directions of the filters and the roots of the weights, all samples at once."""
    cut = COUNT * z.shape[1]

    def parts(flat: np.ndarray) -> tuple[torch.Tensor, ...]:
        both = torch.from_numpy(flat).to(z)
        rows = both[:cut].reshape(COUNT, -1)
        lengths = rows.norm(dim=1, keepdim=True)
        return rows / lengths, lengths, both[cut:]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        filters, lengths, roots = parts(flat)
        weights = roots.square()
        value, slope = loss_and_gradient(filters, weights, z, STUDENT)
        slope = (slope - (slope * filters).sum(1, keepdim=True) * filters) / lengths
        s = z @ filters.mT
        slopes = STUDENT.derivative(s)
        by_weight = (slopes * (((weights * slopes) @ filters) @ filters.mT)).mean(0) - STUDENT.curvature(s).mean(0)
        return float(value), torch.cat([slope.flatten(), 2 * roots * by_weight]).double().numpy()

    start = torch.cat([random_rows(COUNT, z.shape[1]).flatten(), torch.full((COUNT,), 2.0).sqrt()]).double().numpy()
    options = {"maxiter": steps, "maxcor": 20}
    filters, _, roots = parts(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)
    return filters, roots.square()


def first_below(
    learn: Callable[[torch.Tensor, int], Found], z: torch.Tensor, line: float, ladder: tuple[int, ...]
) -> tuple[int | None, float, float]:
    """The fewest steps of the ladder that end below the line (None: no run does), their seconds, and J there."""
    for steps in ladder:
        began = time.process_time()
        filters, weights = learn(z, steps)
        seconds = time.process_time() - began
        if (loss := float(explicit_loss(filters, weights, z))) <= line:
            return steps, seconds, loss
    return None, seconds, loss


def row(name: str, own: tuple, peer: str, theirs: tuple, *, goal: str, line: float) -> dict:
    """One line of the table; a peer that never gets there counts with its longest run."""
    steps, seconds, loss = theirs
    ratio = seconds / own[1]
    reached = f"{steps} steps" if steps else f"NOT reached: {loss:.2f} after its longest run"
    return {
        "name": name,
        "ours_s": own[1],
        "peer": peer,
        "peer_s": seconds,
        "ratio": ratio,
        "goal": goal,
        "met": (own[0] is not None and ratio >= GOAL) if goal else None,
        "note": f"line {line:.2f}; ours {own[0]} steps, J {own[2]:.2f}; the peer {reached}",
    }


def run(*, count: int = 10_000, many: int = MANY, scale: float = 1.0) -> list[dict]:
    """Two rows, one for each peer; `scale` shortens the ladders."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # products this small gain nothing from a second one, which waits by spinning
    try:
        return _rows(count, many, scale)
    finally:
        torch.set_num_threads(threads)


def _rows(count: int, many: int, scale: float) -> list[dict]:
    z = samples(count)
    joint(z, 1, lr=RATES[0])  # torch's optimisers import seconds of code when they are first used
    ladders = {name: tuple(max(1, round(scale * steps)) for steps in own) for name, own in STEPS.items()}
    line = LAST * float(explicit_loss(*ours(z, many), z))
    own = first_below(ours, z, line, ladders["ours"])
    found = {
        rate: first_below(lambda z, steps, lr=rate: joint(z, steps, lr=lr), z, line, ladders["sgd"]) for rate in RATES
    }
    best = min(found, key=lambda rate: (found[rate][0] is None, found[rate][1]))
    name = f"{COUNT} filters of {SIZE} x {SIZE} to the last percent of J"
    lbfgs = first_below(limited_memory, z, line, ladders["lbfgs"])
    return [
        row(name, own, f"joint SGD, momentum 0.9, rate {best}", found[best], goal=f"{GOAL:g} times as fast", line=line),
        row(name, own, "SciPy's L-BFGS, a = r^2", lbfgs, goal="", line=line),
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in run():
        print(each)
