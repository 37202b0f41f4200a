"""Activation maximisation on SqueezeNet at 112 x 112, 100 steps of Adam with jitter: eight units of a layer.

The peer is what textbooks show: the network as torch has it, its parameters wanting gradients as they do by default, a
hook on the layer, the whole network at every step, one unit after the other, `loss.backward()`. Ours runs no further
than the layer, has the units in one batch and asks for the picture's gradient alone. Both roll by up to 8 pixels, start
from the same noise and take the same number of steps; ours keeps a trace as well. Two places: channels in the middle of
the network (`fire5`), and classes, where there is nothing behind the layer to leave out. Goal, set before measuring:
half of the peer's time.

Where the local SqueezeNet is not at hand the weights are random, and the note says so.
"""

from __future__ import annotations

import copy
import time

import torch

from deeprestore_lab import backbones, minimise
from deeprestore_lab.data import DataError
from deeprestore_lab.energies import Activation, unit_direction
from deeprestore_lab.parametrisations import Pixels

SIZE, STEPS, UNITS, GOAL = 112, 100, 8, 2.0
PLACES = {"fire5": "channels of fire5", "conv10": "classes"}


def network() -> tuple[backbones.Backbone, str]:
    """SqueezeNet with its weights, or random ones, and which they are."""
    try:
        return backbones.load("squeezenet1_1", "local"), "trained weights"
    except DataError:
        return backbones.load("squeezenet1_1", "random"), "RANDOM weights: none are at hand"


def start(count: int, size: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return 0.5 + 0.01 * torch.randn(count, 3, size, size, generator=draw)


def by_the_book(net: backbones.Backbone, layer: str, channels: list[int], *, size: int, steps: int) -> torch.Tensor:
    """One unit after the other on the whole network."""
    module = copy.deepcopy(net.module).to(memory_format=torch.contiguous_format).requires_grad_(True)
    mean, deviation = (torch.tensor(own).reshape(1, 3, 1, 1) for own in net.colour)
    seen = {}
    dict(module.named_children())[layer].register_forward_hook(lambda _, __, out: seen.update(out=out))
    draw = torch.Generator().manual_seed(0)
    pictures = []
    for x, channel in zip(start(len(channels), size).split(1), channels, strict=True):
        x = x.clone().requires_grad_()
        adam = torch.optim.Adam([x], lr=0.05)
        for _ in range(steps):
            shift = torch.randint(-8, 9, (2,), generator=draw).tolist()
            adam.zero_grad()
            module((torch.roll(x, shift, (2, 3)) - mean) / deviation)
            loss = -seen["out"][0, channel].mean()
            loss.backward()
            adam.step()
            with torch.no_grad():
                x.clamp_(0, 1)
        pictures.append(x.detach())
    return torch.cat(pictures)


def ours(net: backbones.Backbone, layer: str, channels: list[int], *, size: int, steps: int) -> torch.Tensor:
    """All units in one batch, as far as the layer."""
    d = unit_direction(net.shapes(layer, (size, size))[layer], channels, position="mean")
    g = Pixels(start(len(channels), size), bounds=(0, 1))
    options = {"solver": "adam", "lr": 0.05, "jitter": 8, "seed": 0, "snapshots": False, "progress": False}
    return minimise(Activation(net.at(layer), d), g, steps=steps, **options).x


def row(layer: str, *, size: int = SIZE, steps: int = STEPS, repeats: int = 2) -> dict:
    """One place: seconds of both, and the activations reached, over the peer's."""
    net, weights = network()
    channels = list(range(0, 8 * UNITS, 8))
    times = {"ours": [], "peer": []}
    for _ in range(repeats):
        for name, make in {"ours": ours, "peer": by_the_book}.items():
            began = time.perf_counter()
            x = make(net, layer, channels, size=size, steps=steps)
            times[name].append(time.perf_counter() - began)
            with torch.no_grad():
                reached = net.at(layer)(x).mean((2, 3))[torch.arange(len(channels)), channels]
            times[f"{name} reached"] = float(reached.mean())
    ratio = min(times["peer"]) / min(times["ours"])
    share = times["ours reached"] / times["peer reached"] if times["peer reached"] else 1.0
    return {
        "name": f"activation maximisation, SqueezeNet, {UNITS} {PLACES[layer]}, {size} x {size}, {steps} steps",
        "ours_s": min(times["ours"]),
        "peer": "a hook, the whole network, one unit after the other",
        "peer_s": min(times["peer"]),
        "ratio": ratio,
        "goal": f"{GOAL:g} times as fast",
        "met": ratio >= GOAL and share >= 0.9,
        "note": f"{weights}; mean activation reached, over the peer's: {share:.2f}",
    }


def run(size: int = SIZE, steps: int = STEPS, repeats: int = 2) -> list[dict]:
    """Both places."""
    return [row(layer, size=size, steps=steps, repeats=repeats) for layer in PLACES]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for own in run():
        print(own)
