"""The flow of chapter 13's two moons, trained out: its weights on the way, by step.

The chapter trains the same flow for 400 steps while it runs; what it still gets wrong then is a matter of steps, and
these show how much of it.
"""

from __future__ import annotations

import math

import torch

from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.generators import vector_flow
from deeprestore_lab.measures.sample_quality import hole_rate, threshold_of

KEPT = (0, 50, 150, 400, 1500, 5000)
DEPTH, WIDTH, BATCH, RATE = 6, 32, 128, 5e-3


def moons(count: int, seed: int) -> torch.Tensor:
    """Points `(count, 2)` on two arcs, with noise of 0.08: the chapter's."""
    draw = torch.Generator().manual_seed(seed)
    angle = math.pi * torch.rand(count, generator=draw)
    upper = torch.rand(count, generator=draw) < 0.5
    across = torch.where(upper, angle.cos(), 1 - angle.cos()) - 0.5
    up = torch.where(upper, angle.sin(), 0.5 - angle.sin()) - 0.25
    return torch.stack([across, up], 1) + 0.08 * torch.randn(count, 2, generator=draw)


def trained(x: torch.Tensor) -> dict[int, dict[str, torch.Tensor]]:
    """The flow's weights at each step of `KEPT`; the rate falls to 0 as a cosine over all steps."""
    flow = vector_flow(2, depth=DEPTH, width=WIDTH).initialise(x)
    adam = torch.optim.Adam(flow.parameters(), lr=RATE, fused=True)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, KEPT[-1])
    draw, kept = torch.Generator().manual_seed(0), {}
    for step in range(KEPT[-1] + 1):
        if step in KEPT:
            kept[step] = {name: w.clone() for name, w in flow.state_dict().items()}
        loss = -flow.log_density(x[torch.randint(len(x), (BATCH,), generator=draw)]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        rate.step()
    return kept


def main() -> None:
    """Train, and say for each step how many samples lie where no datum is."""
    torch.set_num_threads(1)
    x, held = moons(2000, 0), moons(1000, 1)
    limit, holes = threshold_of(held, x, share=0.95), []
    for step, weights in (kept := trained(x)).items():
        flow = vector_flow(2, depth=DEPTH, width=WIDTH)
        flow.load_state_dict(weights)
        holes.append(f"{step}: {hole_rate(flow.sample(4000, seed=7).detach(), x, threshold=limit):.3f}")
    save_weights(
        "moon_flow",
        {f"{step}.{name}": w for step, weights in kept.items() for name, w in weights.items()},
        command="make weights NAME=moon_flow",
        data="2,000 points on two arcs, by a formula",
        licence="none is needed: a formula",
        seeds=[0],
        metric="share of samples farther from the data than 95 % of new data are, by step: " + ", ".join(holes),
    )
