"""Distillation of a network's maps into a smaller one: a start without descent, 1 x 1 heads, and descent by Muon."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import pad
from torch.optim import AdamW, Muon
from tqdm import trange

from deeprestore_lab.core.machine import fast_autocast
from deeprestore_lab.solve.saved_run import SavedRun
from deeprestore_lab.training import cosine

QUIET = 1e-4  # pairs that are closer than this in the teacher's map are left out of the error of distances


class Target(NamedTuple):
    """A layer of a teacher that a module of the student is to explain.

    `maps` `(N, C, h, w)` are the teacher's over `size`, at every `stride`-th place; `place` is the student's module;
    `share` weighs the error over the teacher's variance in the loss; with `paired` distances count as well.
    """

    maps: torch.Tensor
    size: float
    place: int
    stride: int
    share: float
    paired: bool = False

    def thinned(self, maps: torch.Tensor) -> torch.Tensor:
        """The student's map at the places the teacher's was kept at."""
        return thinned(maps, self.stride)


def thinned(maps: torch.Tensor, stride: int) -> torch.Tensor:
    """Every `stride`-th place in both directions, from the middle of the first step on."""
    return maps[:, :, stride // 2 :: stride, stride // 2 :: stride]


def outputs(network: nn.Sequential, x: torch.Tensor, places: Sequence[int]) -> dict[int, torch.Tensor]:
    """What the modules at these places give, from one pass."""
    found = {}
    for place, module in enumerate(network[: max(places) + 1]):
        x = module(x)
        if place in places:
            found[place] = x
    return found


def choose(covariance: torch.Tensor, count: int) -> list[int]:
    """The channels that leave the least variance unexplained, chosen greedily, each by what the earlier ones leave."""
    left, chosen = covariance.clone(), []
    floor = 1e-6 * covariance.diag().max()
    for _ in range(count):
        gain = left.square().sum(0) / left.diag().clamp_min(floor)
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        left = left - torch.outer(left[:, best], left[:, best]) / left[best, best].clamp_min(floor)
    return chosen


def ridge(inputs: torch.Tensor, goal: torch.Tensor, *, weight: float = 1e-5) -> tuple[torch.Tensor, torch.Tensor]:
    """W and b that minimise ||inputs W^T + b - goal||^2 + weight * (mean variance of the inputs, summed) ||W||^2."""
    mean, level = inputs.mean(0), goal.mean(0)
    centred = inputs - mean
    gram = centred.T @ centred
    gram.diagonal().add_(weight * gram.diag().mean())
    solved = torch.linalg.solve(gram, centred.T @ (goal - level)).T
    return solved, level - solved @ mean


def at(maps: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The values of maps `(N, C, h, w)` at places `(N, P, 2)`, `(N P, C)`, float64."""
    image = torch.arange(len(maps))[:, None]
    return maps[image, :, places[..., 0], places[..., 1]].flatten(0, 1).double()


@torch.no_grad()
def start(network: nn.Sequential, x: torch.Tensor, goals: Sequence[tuple[int, torch.Tensor, torch.Tensor]]) -> None:
    """Fill the student's convolutions without descent, one after the other.

    Each of the `goals` has the convolution's number, places `(N, P, 2)` and the teacher's values there before its ReLU
    `(N P, C)`. Of the teacher's channels those are chosen that explain most of all after the ReLU, which commutes with
    choosing. They are regressed on 3 x 3 patches of what the student has so far, and scaled to a mean square of 1.
    """
    done, generator = 0, torch.Generator().manual_seed(0)
    for place, places, goal in goals:
        x = torch.cat([network[done:place](part) for part in x.split(16)])
        convolution, goal, done = network[place], goal.double(), place
        chosen = choose(goal.clamp_min(0).T.cov(), convolution.out_channels)
        padded = pad(x, (1, 1, 1, 1))
        steps = [torch.tensor([down, across]) for down in range(3) for across in range(3)]
        patches = torch.stack([at(padded, places + step) for step in steps], -1).flatten(1)
        weight, bias = ridge(patches, goal[:, chosen])
        size = (patches @ weight.T + bias).clamp_min(0).square().mean(0)
        silent = size < 1e-3 * size.mean()  # channels that the teacher itself never uses start at random
        spread = (2 / (patches.square().mean() * weight.shape[1])).sqrt()
        weight[silent] = spread * torch.randn(weight[silent].shape, generator=generator, dtype=weight.dtype)
        bias[silent] = 0
        scale = (patches @ weight.T + bias).clamp_min(0).square().mean().sqrt()
        convolution.weight.copy_((weight / scale).reshape(convolution.weight.shape))
        convolution.bias.copy_(bias / scale)


class Distillation:
    """A student `network` on its way to the `targets`, each through a 1 x 1 head that starts at its ridge regression.

    The loss is the sum of share * (squared error / variance) over the targets, and of `pairs` * (difference of the
    logarithms of squared distances)^2 over pairs: an image and its neighbour, 0 and 1, 2 and 3, ... of the `inputs`.
    """

    def __init__(self, network: nn.Sequential, inputs: Callable, targets: Sequence[Target], *, pairs: float) -> None:
        self.network, self.inputs, self.targets, self.pairs = network, inputs, targets, pairs
        self.count = len(targets[0].maps)
        self.variance = [float(t.maps[:400].float().var((0, 2, 3)).mean()) for t in targets]
        self.heads = nn.ModuleList(self._solved(t) for t in targets)

    @torch.no_grad()
    def _solved(self, target: Target, images: int = 600) -> nn.Conv2d:
        """The head of a target: the linear map that explains most on the first images."""
        parts = torch.arange(min(images, self.count)).split(20)
        own = [target.thinned(outputs(self.network, self.inputs(part), [target.place])[target.place]) for part in parts]
        own, goal = (each.movedim(1, -1).flatten(0, 2) for each in (torch.cat(own), target.maps[:images].float()))
        every = max(1, len(own) // 100_000)
        weight, bias = ridge(own[::every].double(), goal[::every].double())
        head = nn.Conv2d(*weight.shape[::-1], 1)
        head.weight.copy_(weight[:, :, None, None])
        head.bias.copy_(bias)
        return head

    def loss(self, part: torch.Tensor) -> torch.Tensor:
        """The loss of the images with these numbers."""
        with fast_autocast():
            own = outputs(self.network, self.inputs(part), [t.place for t in self.targets])
            own = [t.thinned(own[t.place]) for t in self.targets]
            predicted = [head(maps) for head, maps in zip(self.heads, own, strict=True)]
        loss = torch.zeros(())
        for target, variance, maps, prediction in zip(self.targets, self.variance, own, predicted, strict=True):
            goal = target.maps[part].float()
            loss = loss + target.share * (prediction.float() - goal).square().mean() / variance
            if target.paired:
                ours, theirs = (
                    (each[0::2].float() - each[1::2].float()).square().mean((1, 2, 3)) for each in (maps, goal)
                )
                apart = (ours + 1e-5).log() - (theirs + 1e-5).log()
                loss = loss + self.pairs * apart[theirs > QUIET].square().sum() / len(apart)
        return loss

    def descend(self, *, steps: int, batch: int, lr: float, seed: int, checkpoint: Path, label: str) -> float:
        """Descend by Muon for matrices and Adam for the rest; resumed where `checkpoint` is there; the last loss."""
        both = nn.ModuleList([self.network, self.heads])
        learnt = [p for p in both.parameters() if p.requires_grad]
        kernels, biases = [p for p in learnt if p.ndim > 1], [p for p in learnt if p.ndim == 1]
        matrices = [nn.Parameter(p.detach().flatten(1)) for p in kernels]  # the same memory, seen as matrices
        engines = [
            Muon(matrices, lr=lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            AdamW(biases, lr=lr, weight_decay=0.0, betas=(0.9, 0.99)),
        ]
        rate, first, mean = cosine(lr, steps, warmup=30), 0, math.nan
        settings = {"steps": steps, "batch": batch, "lr": lr, "seed": seed}
        file = SavedRun(checkpoint, settings, format="deeprestore_lab distillation 1", kind="run")
        if (state := file.restore()) is not None:
            first, mean = state["step"], state["mean"]
            both.load_state_dict(state["both"])
            for engine, own in zip(engines, state["engines"], strict=True):
                engine.load_state_dict(own)

        def state_after(step: int) -> dict:
            state = {"step": step + 1, "mean": mean, "both": dict(both.state_dict())}
            return state | {"engines": [engine.state_dict() for engine in engines]}

        with file.deferred_interrupt():
            for step in trange(first, steps, initial=first, total=steps, desc=label):
                loss = self.loss(self._part(step, batch, seed))
                if not torch.isfinite(loss):
                    file.save(state_after(step - 1))
                    raise ValueError(f"the loss at step {step} is {float(loss.detach())}")
                for p in learnt:
                    p.grad = None
                loss.backward()
                for p, matrix in zip(kernels, matrices, strict=True):
                    matrix.grad = p.grad.flatten(1)
                for engine in engines:
                    for group in engine.param_groups:
                        group["lr"] = rate(step)
                    engine.step()
                now = float(loss.detach())
                mean = now if math.isnan(mean) else 0.98 * mean + 0.02 * now
                file.save_if_due(partial(state_after, step))
                file.raise_if_interrupted(partial(state_after, step))
        return mean

    def _part(self, step: int, batch: int, seed: int) -> torch.Tensor:
        """The numbers of a step's images, whole pairs; in one epoch each pair comes once."""
        pairs, each = self.count // 2, batch // 2
        per_epoch = pairs // each
        order = torch.randperm(pairs, generator=torch.Generator().manual_seed(seed + step // per_epoch))
        chosen = order[step % per_epoch * each :][:each]
        return torch.stack([2 * chosen, 2 * chosen + 1], 1).flatten()


@torch.no_grad()
def explained(network: nn.Sequential, head: nn.Conv2d, x: torch.Tensor, goal: torch.Tensor, place: int) -> float:
    """The share of the teacher's variance over images and places that the head explains, all channels together."""
    error = (head(outputs(network, x, [place])[place]) - goal).square().mean()
    return 1 - float(error / goal.var((0, 2, 3)).mean())


@torch.no_grad()
def level(network: nn.Sequential, x: Sequence[torch.Tensor]) -> None:
    """Scale each convolution so that its output after the ReLU has a mean square of 1 over the pictures x; nothing
    else changes: the next layer's kernels take the factor back."""
    before, scaled = 1.0, {}
    for place, module in enumerate(network):
        x = [module(part) for part in x]
        if isinstance(module, nn.Conv2d):
            total = sum(float(part.clamp_min(0).square().sum(dtype=torch.float64)) for part in x)
            size = math.sqrt(total / sum(part.numel() for part in x))
            scaled[place] = (module.weight * before / size, module.bias / size)
            before = size
    for place, (weight, bias) in scaled.items():
        network[place].weight.copy_(weight)
        network[place].bias.copy_(bias)
