"""Style transfer at 256 x 256: time to a loss against textbook code, a small network against VGG16, a batch of weights.

The loss is that of `style.transfer` on VGG16: relative errors of Gram matrices at relu1_1, relu2_1 and relu3_1, of the
content at relu3_3, and total variation. The textbook side is what tutorials write: torch's L-BFGS as it comes, in its
closure the whole of torchvision's `vgg16().features` for each layer that is asked for, one pass each, and its output
caught on the way. The second peer is textbook code with the two obvious mends, one pass and no further than needed.
All sides start from the content, and their losses are those of the same function.

VGG16's weights are those of the local tier (its layers end at conv3_3; what the textbook side runs behind them has
random weights and no part in the loss). Without them all of VGG16 has random weights, and the note says so: the times
mean the same, the pictures nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

import deeprestore_lab as drl
from deeprestore_lab.data import DataError
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.style import content_energy, texture_energy

STYLE_LAYERS, CONTENT_LAYER = ("relu1_1", "relu2_1", "relu3_1"), "relu3_3"
PLACES = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu3_3": 15}  # in torchvision's vgg16().features
WEIGHTS = {"content": 1.0, "style": 10.0, "tv": 0.1}
SMOOTHING = 0.01
GOAL_TIME, GOAL_CLOSURE, GOAL_BATCH = 2.0, 5.0, 1.0


def vgg16() -> tuple[drl.backbones.Backbone, str]:
    """VGG16 and what there is to say about its weights."""
    try:
        return drl.backbones.load("vgg16", layers=[CONTENT_LAYER]), ""
    except DataError:
        return drl.backbones.load("vgg16", "random"), "; random weights: no others are at hand"


def pictures(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Content and style."""
    return drl.images.photograph("astronaut", size=size), drl.images.pattern("swirls", size=size)


def energy(net: drl.backbones.Backbone, size: int, style_weight: float | torch.Tensor = 1.0) -> drl.energies.Energy:
    """The loss as the library writes it."""
    content, style = pictures(size)
    total = WEIGHTS["content"] * content_energy(net, content, layer=CONTENT_LAYER)
    total = total + WEIGHTS["style"] * style_weight * texture_energy(net, style, layers=STYLE_LAYERS)
    return total + WEIGHTS["tv"] / content.numel() * TotalVariation(smoothing=SMOOTHING)


class Textbook:
    """The same loss in plain torch. `whole`: every layer by a pass of its own through the whole network."""

    def __init__(self, net: drl.backbones.Backbone, size: int, *, whole: bool) -> None:
        self.whole, self.closures = whole, 0
        self.features = make_layers(cfgs["D"]).eval().requires_grad_(False)  # `vgg16().features` alone
        own = [m for m in net.module.modules() if isinstance(m, nn.Conv2d)]
        for plain, ours in zip([m for m in self.features if isinstance(m, nn.Conv2d)], own, strict=False):
            plain.load_state_dict(ours.state_dict())
        for layer in self.features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self.mean, self.deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in net.colour)
        content, style = pictures(size)
        with torch.no_grad():
            self.content = self.maps(content)[CONTENT_LAYER]
            self.grams = {layer: self.gram(f) for layer, f in self.maps(style).items()}

    def maps(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        wanted = (*STYLE_LAYERS, CONTENT_LAYER)
        if self.whole:
            return {layer: self.run(x, {PLACES[layer]}, len(self.features))[PLACES[layer]] for layer in wanted}
        found = self.run(x, {PLACES[layer] for layer in wanted}, max(PLACES.values()) + 1)
        return {layer: found[PLACES[layer]] for layer in wanted}

    def run(self, x: torch.Tensor, places: set[int], end: int) -> dict[int, torch.Tensor]:
        h, found = (x - self.mean) / self.deviation, {}
        for place, layer in enumerate(self.features[:end]):
            h = layer(h)
            if place in places:
                found[place] = h
        return found

    @staticmethod
    def gram(f: torch.Tensor) -> torch.Tensor:
        flat = f.flatten(2)
        return flat @ flat.transpose(1, 2) / flat[0].numel()

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.maps(x)
        style = 0
        for layer in STYLE_LAYERS:
            target = self.grams[layer]
            error = (self.gram(maps[layer]) - target).square().sum() / target.square().sum()
            style = style + error / len(STYLE_LAYERS)
        content = (maps[CONTENT_LAYER] - self.content).square().sum() / self.content.square().sum()
        down = nn.functional.pad(x[:, :, 1:] - x[:, :, :-1], (0, 0, 0, 1))
        right = nn.functional.pad(x[..., 1:] - x[..., :-1], (0, 1))
        norm = (down.square() + right.square()).sum(1)
        tv = ((norm + SMOOTHING**2).sqrt() - SMOOTHING).sum() / x.numel()
        return WEIGHTS["content"] * content + WEIGHTS["style"] * style + WEIGHTS["tv"] * tv

    def start(self, x: torch.Tensor) -> None:
        """Begin torch's L-BFGS at `x`."""
        self.x = x.clone().requires_grad_()
        self.optimiser = torch.optim.LBFGS([self.x], max_iter=1, tolerance_grad=0, tolerance_change=0)

    def closure(self) -> float:
        """One closure and the step that follows it; its seconds."""

        def closure() -> torch.Tensor:
            self.optimiser.zero_grad()
            loss = self.loss(self.x)
            loss.backward()
            self.closures += 1
            return loss

        began = time.perf_counter()
        self.optimiser.step(closure)
        return time.perf_counter() - began


class Count(drl.energies.Energy):
    """A term that is always zero, whatever x is, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return (0 * x).flatten(1).sum(1)  # of x, as a solver asks of every term


def search(
    total: drl.energies.Energy, start: torch.Tensor, steps: int, between: Callable[[], None] = lambda: None
) -> tuple[drl.solve.Trace, list[float], int]:
    """The library's run, the seconds of its steps without what `between` does after each, and its evaluations."""
    count, seconds, began = Count(), [], None

    def callback(step: int, x: torch.Tensor) -> None:
        nonlocal began
        if began is not None:
            seconds.append(time.perf_counter() - began)
        between()
        began = time.perf_counter()

    settings = {"solver": "lbfgs", "steps": steps, "tolerance": 0.0, "snapshots": False, "progress": False}
    trace = drl.minimise(total + count, start, callback=callback, **settings)
    return trace, seconds, count.calls


def loss_rows(net: drl.backbones.Backbone, size: int, closures: int, few: int, note: str) -> list[dict]:
    """Seconds to the loss that torch's L-BFGS has after its closures; steps and closures of all sides in turns.

    Both peers take the same steps, so the textbook's time is that of a `few` closures times closures / few.
    """
    total, start = energy(net, size), pictures(size)[0]
    mended, plain = (Textbook(net, size, whole=whole) for whole in (False, True))
    for peer in (mended, plain):
        peer.start(start)
        peer.closure()  # to warm up
        peer.start(start)
    times = {"mended": [], "plain": []}

    def peers() -> None:
        if len(times["mended"]) < closures:
            times["mended"].append(mended.closure())
        if len(times["plain"]) < few:
            times["plain"].append(plain.closure())

    trace, seconds, evaluations = search(total, start, closures, peers)
    with torch.no_grad():
        loss, *same = (float(side(mended.x)) for side in (total, mended.loss, plain.loss))
    if any(abs(loss / other - 1) > 1e-3 for other in same):
        raise AssertionError(f"the sides do not measure the same loss: {loss} and {same}")
    below = (trace.energy[:, 0] <= loss).nonzero()
    at = int(below[0]) if len(below) else None
    own_s = None if at is None else sum(seconds[:at])
    steps = "which ours did not reach" if at is None else f"after {at} of our steps"
    words = (
        f"loss {float(trace.energy[0]):.4g} at the start, the peer's {loss:.4g}, {steps}; after {closures} steps and "
    )
    words += f"{evaluations} evaluations ours {float(trace.energy[-1]):.4g}{note}"
    peer_s = {
        "textbook": sum(times["plain"]) * closures / few,
        "one pass, torch's L-BFGS": sum(times["mended"]),
    }
    rows = []
    for peer, theirs in peer_s.items():
        ratio, textbook = None if own_s is None else theirs / own_s, peer == "textbook"
        rows.append(
            {
                "name": f"style transfer {size} x {size}, VGG16, to the loss of {closures} closures",
                "ours_s": own_s,
                "peer": peer,
                "peer_s": theirs,
                "ratio": ratio,
                "goal": f"{GOAL_TIME:g} times as fast" if textbook else "",
                "met": ratio is not None and ratio >= GOAL_TIME if textbook else None,
                "note": words + (f"; time of {few} of its closures times {closures / few:g}" if textbook else ""),
            }
        )
    return rows


def closure_row(net: drl.backbones.Backbone, size: int, steps: int, turns: int, note: str) -> dict:
    """Seconds an evaluation with its gradient, vgg_mini and VGG16 in turns; VGG16 judges what each has made."""
    mini, start = drl.backbones.load("vgg_mini"), pictures(size)[0]
    totals = {"mini": energy(mini, size), "vgg16": energy(net, size)}
    problems = {name: Problem(total, Pixels(start)) for name, total in totals.items()}
    times = {name: [] for name in problems}
    for _ in range(turns):
        for name, problem in problems.items():
            began = time.perf_counter()
            problem.evaluate(start)
            times[name].append(time.perf_counter() - began)
    made = {name: search(total, start, steps)[0].x for name, total in totals.items()}
    with torch.no_grad():
        judged = {name: float(totals["vgg16"](x)) for name, x in made.items()}
        before = float(totals["vgg16"](start))
    own_s, peer_s = min(times["mini"]), min(times["vgg16"])
    return {
        "name": f"style transfer {size} x {size}, an evaluation with its gradient",
        "ours_s": own_s,
        "peer": "VGG16",
        "peer_s": peer_s,
        "ratio": peer_s / own_s,
        "goal": f"{GOAL_CLOSURE:g} times as fast",
        "met": peer_s / own_s >= GOAL_CLOSURE,
        "note": f"best of {turns}; VGG16's loss is {before:.4g} at the start, {judged['mini']:.4g} after {steps} steps "
        f"with vgg_mini, {judged['vgg16']:.4g} after as many with VGG16{note}",
    }


def batch_row(size: int, steps: int, count: int = 8) -> dict:
    """A batch of style weights against single runs, in turns, the best of two each."""
    mini, start = drl.backbones.load("vgg_mini"), pictures(size)[0]
    weights = torch.logspace(-1, 1, count)

    def solve(weight: torch.Tensor) -> torch.Tensor:
        x = start.expand(len(weight), -1, -1, -1)
        return search(energy(mini, size, weight if len(weight) > 1 else weight.item()), x, steps)[0].x

    solve(weights[:1])
    ours, theirs = [], []
    for _ in range(2):
        began = time.perf_counter()
        batch = solve(weights)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        single = torch.cat([solve(weight[None]) for weight in weights])
        theirs.append(time.perf_counter() - began)
    ratio = min(theirs) / min(ours)
    return {
        "name": f"style transfer {size} x {size}, {count} weights in one batch, vgg_mini, {steps} steps",
        "ours_s": min(ours),
        "peer": f"{count} runs",
        "peer_s": min(theirs),
        "ratio": ratio,
        "goal": "no slower",
        "met": ratio >= GOAL_BATCH,
        "note": f"results differ by {float((batch - single).abs().mean()):.1e} on average",
    }


def run(size: int = 256, closures: int = 50, few: int = 5, batch_size: int = 128) -> list[dict]:
    """Both peers, the small network, and the batch."""
    net, note = vgg16()
    print("style transfer: some five minutes")
    return [
        *loss_rows(net, size, closures, few, note),
        closure_row(net, size, closures, few, note),
        batch_row(batch_size, closures // 2),
    ]


if __name__ == "__main__":
    torch.set_num_threads(2)
    for row in run():
        print(row)
