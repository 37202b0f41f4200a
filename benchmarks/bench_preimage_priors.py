"""A pre-image from the inverse network's answer against one from noise, and a gradient that keeps masks alone.

The search: L-BFGS on the representation error of `vgg_mini`, values in [0, 1], as chapter 9 uses it, from grey with
noise, for 300 steps. The other side starts at `warm_start` and is stopped at the first step with an error as low; its
time includes the network's. Goal, set before measuring: a third of the time, at relu3_1 and at relu3_3. A Gauss-Newton
method on the same problem (masks held, ten steps of conjugate gradients, damped) has a row of its own without a goal:
what it reaches in the time that L-BFGS took.

The gradient: one layer at 224 x 224 by autograd and by `LeanRepresentation`. What each keeps between the two passes is
counted. Goal: half the memory at equal speed (no more than 1.05 times the time).
"""

from __future__ import annotations

import time

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.backbones import load
from deeprestore_lab.backbones.lean import LeanRepresentation
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.inverse_networks.warm_start import warm_start
from deeprestore_lab.operators import Operator
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.solve.gauss_newton import gauss_newton

PICTURES = ("astronaut", "chelsea", "hubble")
LAYERS = ("relu3_1", "relu3_3")
FASTER, SLOWER = 3.0, 1.05


def searched(error: RepresentationError, start: torch.Tensor, *, steps: int, level: float = 0.0) -> tuple[int, float]:
    """Steps taken and the mean error there."""
    seen = []

    def below(step: int, x: torch.Tensor) -> bool:
        with torch.no_grad():
            seen.append(float(error(x).mean()))
        return seen[-1] <= level

    search, options = Pixels(start, bounds=(0, 1)), {"tolerance": 0.0, "snapshots": False, "progress": False}
    minimise(error, search, solver="lbfgs", steps=steps, callback=below if level else None, **options)
    if not level:
        with torch.no_grad():
            seen.append(float(error(search()).mean()))
    return len(seen) - 1, seen[-1]


def starts(layer: str, size: int, steps: int) -> list[dict]:
    """From noise for `steps`, from the network to the same error, and Gauss-Newton in the time of the first."""
    network, x = load("vgg_mini", "embedded"), images.photographs(PICTURES, size=size)
    phi = network.at(layer)
    with torch.no_grad():
        target = phi(x)
    error = RepresentationError(phi, target)
    noise = 0.5 + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    warm_start(layer, target, size=(size, size))  # reads the network's weights
    began = time.process_time()
    _, level = searched(error, noise, steps=steps)
    peer = time.process_time() - began
    began = time.process_time()
    taken, reached = searched(error, warm_start(layer, target, size=(size, size)), steps=steps, level=level)
    own = time.process_time() - began
    began, at, seconds = time.process_time(), noise, 0.0
    while seconds < peer:
        at = gauss_newton(LeanRepresentation(network, layer), target, at, steps=5, bounds=(0, 1)).x
        seconds = time.process_time() - began
    with torch.no_grad():
        newton = float(error(at).mean())
    shared = {"peer": f"L-BFGS from noise, {steps} steps", "peer_s": peer}
    name, where = f"{layer}, {len(x)} pictures of {size} x {size}", f"error {level:.4f}"
    return [
        {
            "name": f"pre-image from the inverse network, {name}",
            "ours_s": own,
            **shared,
            "ratio": peer / own,
            "goal": f"{FASTER:g} times as fast",
            "met": reached <= level and peer / own >= FASTER,
            "note": f"to the peer's {where}: {taken} steps, error {reached:.4f}; CPU seconds",
        },
        {
            "name": f"Gauss-Newton from noise, {name}",
            "ours_s": seconds,
            **shared,
            "ratio": peer / seconds,
            "goal": "",
            "met": None,
            "note": f"error {newton:.4f} in that time, against {level:.4f}: it is NOT faster",
        },
    ]


def kept_bytes(phi: Operator, x: torch.Tensor) -> int:
    """Bytes that wait for the gradient of phi at x, as autograd saves them or as masks."""
    saved = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = phi(x.clone().requires_grad_())
    masks = [own[-1] if isinstance(own, tuple) else own for _, own in getattr(y.grad_fn, "kept", [])]
    return sum(saved.values()) + sum(own.nbytes for own in masks if isinstance(own, torch.Tensor))


def gradients(layer: str, size: int, repeats: int) -> dict:
    """A gradient by autograd and by masks."""
    network = load("vgg_mini", "embedded")
    x = images.photograph("astronaut", size=size)
    sides = {"lean": LeanRepresentation(network, layer), "plain": network.at(layer)}
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, phi in sides.items():
            began = time.process_time()
            z = x.clone().requires_grad_()
            torch.autograd.grad(phi(z).square().sum(), z)
            best[name] = min(best[name], time.process_time() - began)
    memory = {name: kept_bytes(phi, x) for name, phi in sides.items()}
    share = memory["lean"] / memory["plain"]
    return {
        "name": f"gradient that keeps masks, vgg_mini {layer}, {size} x {size}",
        "ours_s": best["lean"],
        "peer": "autograd",
        "peer_s": best["plain"],
        "ratio": best["plain"] / best["lean"],
        "goal": "half the memory, the same time",
        "met": share <= 0.5 and best["lean"] <= SLOWER * best["plain"],
        "note": f"kept {memory['lean'] / 2**20:.1f} and {memory['plain'] / 2**20:.1f} MiB: {100 * share:.0f} %",
    }


def run(*, size: int = 48, steps: int = 300, large: int = 224, repeats: int = 15) -> list[dict]:
    """Two rows a layer for the search, one a layer for the gradient."""
    rows = [row for layer in LAYERS for row in starts(layer, size, steps)]
    return [*rows, *(gradients(layer, large, repeats) for layer in LAYERS)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in run():
        print(each)
