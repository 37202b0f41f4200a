"""A training step with features computed once against a plain loop that recomputes them; an inversion by network.

The step: six modules of `vgg_mini` at pool3 trained together, four crops of 64 x 64. Ours are `train` and
`map_batches`, whose batches are kept, so that after the first round the backbone does not run. The first peer is the
plain loop: the same modules and Adam, one pass of the backbone a layer at every step, as loops have it that ask for one
map at a time; the second runs the backbone once a step. Goal, set before measuring: half the time of the first. What
can be gained is the backbone's share of a step, so the note has it.

The inversion: one photograph of 96 x 96 from relu2_2 by the shipped network, against L-BFGS from noise that is stopped
at the first step with the network's representation error.
"""

from __future__ import annotations

import time

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.backbones import load
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.inverse_networks import InverseNetwork, errors, inverse_network, map_batches, train
from deeprestore_lab.inverse_networks.training import Batch
from deeprestore_lab.training import Patches

LAYER, COUNT, CROP, KEPT, GOAL = "pool3", 4, 64, 4, 2.0


def patches() -> Patches:
    return Patches([images.photograph(name, size=128) for name in ("astronaut", "chelsea", "coffee")], size=CROP)


def ours(steps: int) -> float:
    """Seconds a step of `train` with kept batches."""
    inverse = InverseNetwork(load("vgg_mini", "embedded"), LAYER)
    draw = map_batches(inverse, patches(), count=COUNT, kept=KEPT)
    train(inverse, draw, training="together", steps=KEPT, progress=False)  # imports, and every batch once
    start = time.perf_counter()
    train(inverse, draw, training="together", steps=steps, progress=False)
    return (time.perf_counter() - start) / steps


def plain(steps: int, *, layer_by_layer: bool) -> tuple[float, float]:
    """Seconds a step of a plain loop, and of them those of its features."""
    net = load("vgg_mini", "embedded")
    inverse, own = InverseNetwork(net, LAYER), patches()
    optimiser, features = torch.optim.Adam(inverse.parameters(), lr=2e-3), 0.0
    for step in range(-KEPT, steps):
        if step == 0:
            start, features = time.perf_counter(), 0.0
        x = own.draw(COUNT, seed=step % KEPT)
        began = time.perf_counter()
        groups = [[layer] for layer in inverse.layers] if layer_by_layer else [inverse.layers]
        maps: Batch = {"image": x}
        for group in groups:
            maps |= {name: f.detach() for name, f in net.features(x, group).items()}
        features += time.perf_counter() - began
        if step == -KEPT:
            inverse.calibrate(maps)
        optimiser.zero_grad()
        sum(errors(inverse, maps, training="together").values()).backward()
        optimiser.step()
    return (time.perf_counter() - start) / steps, features / steps


def inversion(size: int, most: int) -> dict:
    """The network's answer against a search to the same representation error."""
    inverse, phi = inverse_network("relu2_2"), load("vgg_mini", "embedded").at("relu2_2")
    x = images.photograph("astronaut", size=size)
    with torch.no_grad():
        f = phi(x)
        inverse(f)
        start = time.perf_counter()
        answer = inverse(f)
        own = time.perf_counter() - start
        energy = RepresentationError(phi, f)
        level = float(energy(answer.clamp(0, 1)))
    start_at = 0.5 + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    trace = minimise(energy, start_at, steps=most, solver="lbfgs", snapshots=False, progress=False)
    curve = trace.energy[:, 0].tolist()
    reached = next((step for step, value in enumerate(curve) if value <= level), None)
    steps = most if reached is None else reached
    start = time.perf_counter()
    minimise(energy, start_at, steps=steps, solver="lbfgs", snapshots=False, progress=False)
    seconds = time.perf_counter() - start
    return {
        "name": f"inversion of relu2_2, {size} x {size}",
        "ours_s": own,
        "peer": "L-BFGS from noise",
        "peer_s": seconds,
        "ratio": seconds / own,
        "goal": "",
        "met": None,
        "note": f"to a relative error of {level:.4f}; the search "
        + (f"needed {steps} steps" if reached is not None else f"did NOT reach it in {most} steps"),
    }


def run(*, steps: int = 40, size: int = 96, most: int = 200) -> list[dict]:
    """Two rows for a step, one for an inversion."""
    own, rows = ours(steps), []
    for peer, apart in (("a pass a layer", True), ("one pass", False)):
        seconds, features = plain(steps, layer_by_layer=apart)
        goal = f"{GOAL:g} times as fast" if apart else ""
        rows.append(
            {
                "name": f"training step, {LAYER} together, {COUNT} x {CROP} x {CROP}",
                "ours_s": own,
                "peer": f"plain loop, {peer} each step",
                "peer_s": seconds,
                "ratio": seconds / own,
                "goal": goal,
                "met": seconds / own >= GOAL if goal else None,
                "note": f"{100 * features / seconds:.0f} % of the peer's step are features",
            }
        )
    return [*rows, inversion(size, most)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in run():
        print(each)
