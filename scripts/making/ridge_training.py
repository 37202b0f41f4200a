"""The training of the ridge regulariser of chapter 14: through the solution of its denoising problem, in grey.

A fixed set of patches with fixed noise is gone through again and again. So the solution of a patch, and that of the
linear equation of its gradient, start where they ended the last time, and few steps bring them to the tolerance.
Each step takes patches of all levels. The loss is minus the PSNR, what the tables of denoisers average, taken inside
of a frame of five pixels: filters see less of what lies there.
"""

from __future__ import annotations

from functools import partial

import torch

from deeprestore_lab import data, images
from deeprestore_lab.priors.ridge_family import LEVELS, RidgeFamily
from deeprestore_lab.priors.ridge_prox import ridge_minimum
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients
from deeprestore_lab.training import cosine, fit
from deeprestore_lab.training.bilevel import through_minimiser
from scripts.making.photographs.learnt import STOPPED_BY, learnt_photographs, scaled
from scripts.making.resumable import Parts

PATCH, FRAME, COUNT, BATCH = 64, 5, 640, 8
SIDES = (384, 256, 160)  # each photograph is there once for each shorter side
LR, WARMUP = 0.005, 20
STAGES = ((3000, LR),)  # steps and the first step size of each; within a stage it falls to nothing
TOLERANCE = 5e-3  # of the inner solution, in units of the noise
LINEAR = 0.1  # of the equation of the gradient, relative
TYPICAL = 0.025  # times sigma^1.25: about the mean square error of photographs at all levels
CYCLE = (0, 1, 2, 3, 1, 2, 1, 2)  # places in `LEVELS`, of the patches of a step: most at 15 and 25, where methods meet
EPOCHS = 1000  # more than any training has: each seed has orders of its own
CENTRE = 128  # side of the crops of photographs to stop by
SETTINGS = {
    "patch": PATCH,
    "frame": FRAME,
    "count": COUNT,
    "batch": BATCH,
    "sides": list(SIDES),
    "lr": LR,
    "tolerance": TOLERANCE,
    "linear": LINEAR,
    "typical": TYPICAL,
    "cycle": list(CYCLE),
}
PARTS = Parts("ridge_regulariser", SETTINGS)


def photographs(source: str) -> list[torch.Tensor]:
    """The grey photographs of a source, each at all its sizes: "free", or "bsds" (local)."""
    if source == "free":
        found = [small for x in learnt_photographs() for small in scaled(x, SIDES)]
    else:
        found = list(data.bsds_training(shrink=1).values())[10:]
    return [images.to_grey(x) for x in found]


def patches(source: str, *, count: int = COUNT, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Patches `(count, 1, PATCH, PATCH)`, their noisy ones and their levels `(count,)`, from a fixed seed."""
    pictures, generator = photographs(source), torch.Generator().manual_seed(seed)

    def draw(most: int) -> int:
        return int(torch.randint(most, (), generator=generator))

    def cut() -> torch.Tensor:
        x = pictures[draw(len(pictures))]
        top, left = draw(x.shape[2] - PATCH + 1), draw(x.shape[3] - PATCH + 1)
        x = x[..., top : top + PATCH, left : left + PATCH].rot90(draw(4), (2, 3))
        return x.flip(-1) if draw(2) else x

    x = torch.cat([cut() for _ in range(count)]).contiguous()
    sigma = torch.tensor(LEVELS)[torch.tensor(CYCLE).repeat(count // len(CYCLE))]
    return x, x + sigma.view(-1, 1, 1, 1) * torch.randn(x.shape, generator=generator), sigma


def watched() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Crops of photographs to stop by, at each level: `coffee` and the first of BSDS where they are at hand."""
    x = images.to_grey(images.photograph(STOPPED_BY, size=2 * CENTRE))
    x = torch.cat([x[..., top : top + CENTRE, left : left + CENTRE] for top in (0, CENTRE) for left in (0, CENTRE)])
    x = x.repeat(len(LEVELS), 1, 1, 1)
    sigma = torch.tensor(LEVELS).repeat_interleave(len(x) // len(LEVELS))
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    return x, x + sigma.view(-1, 1, 1, 1) * noise, sigma


def decibels(x: torch.Tensor, y: torch.Tensor, sigma: float) -> torch.Tensor:
    """Minus the PSNR inside of the frame, of the error plus a typical one.

    Means of PSNR over *pictures* are what tables have. Over patches, smooth ones would count most: a decibel costs them
    little. With the typical error in the logarithm patches count about alike.
    """
    inner = slice(FRAME, -FRAME)
    error = (x - y)[..., inner, inner].square().mean() + TYPICAL * sigma**1.25
    return 10 * error.log10()


class Learning:
    """The objective of a batch (places, x, y, sigma), with each place's solutions of the last time."""

    def __init__(self, family: RidgeFamily) -> None:
        self.family = family
        self.solutions: dict[int, torch.Tensor] = {}
        self.adjoints: dict[int, torch.Tensor] = {}

    def __call__(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        convex = self.family.convex()
        return torch.stack([self.one(convex, *each) for each in zip(*batch, strict=True)]).mean()

    def one(self, convex, place: torch.Tensor, x: torch.Tensor, y: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """One patch at a time: its responses stay in the cache, which is worth more than a batch."""
        key, x, y, level = int(place), x[None], y[None], float(sigma)
        energy = self.family.stretched(convex, level)
        still = energy.detached()
        found = ridge_minimum(still, y, start=self.solutions.get(key), tolerance=TOLERANCE * level)
        self.solutions[key] = found.x
        if not torch.is_grad_enabled():
            return decibels(found.x, x, level)

        def product(v: torch.Tensor) -> torch.Tensor:
            return v + still.adjoint(found.curvatures * still.responses(v), y.shape[2:])

        def solved(b: torch.Tensor) -> torch.Tensor:
            v = conjugate_gradients(product, b, x=self.adjoints.get(key), tolerance=LINEAR, steps=200)[0]
            self.adjoints[key] = v
            return v

        solution = through_minimiser(lambda at: at - y + energy.gradient(at), found.x, solve=solved)
        return decibels(solution, x, level)


def learned(source: str, *, seed: int = 0) -> tuple[dict, dict[str, torch.Tensor]]:
    """The training on a source, made once, stage by stage: the curve on what is watched, and the weights at the end.

    The seed draws the patches, their noise and their order.
    """
    curve, weights, key = {"evaluated": [], "psnr": [], "wall": []}, None, f"{source} {seed}" if seed else source
    for number, (steps, lr) in enumerate(STAGES):
        key = f"{key}{'+' if number else ' '}{steps}"
        own, weights = PARTS.get(key, partial(_learn, source, seed, weights, steps, lr))
        before = (curve["evaluated"][-1:] or [0])[0], 0.0, (curve["wall"][-1:] or [0.0])[0]
        for name, shift in zip(curve, before, strict=True):
            curve[name] += [value + shift for value in own[name]]
    return curve, weights


def _learn(
    source: str, seed: int, start: dict[str, torch.Tensor] | None, steps: int, lr: float, key: str
) -> tuple[dict, dict[str, torch.Tensor]]:
    """One stage: from the cosines, or from the weights of the stage before."""
    family, (x, y, sigma) = RidgeFamily(), patches(source, seed=seed)
    if start is not None:
        family.load_state_dict(start)
    seen = watched()
    history = fit(
        family,
        lambda step: tuple(each[places(step, seed=seed)] for each in (torch.arange(COUNT), x, y, sigma)),
        objective=Learning(family),
        steps=steps,
        lr=cosine(lr, steps, warmup=WARMUP),
        held_out=(-1 - torch.arange(len(seen[0])), *seen),
        every=100,
        checkpoint=PARTS.checkpoint(key),
        label=key,
    )
    numbers = {"evaluated": history.evaluated, "psnr": [-value for value in history.held_out]}
    numbers |= {"wall": history.seconds, "best_step": history.best_step}
    return numbers, {name: w.detach() for name, w in family.state_dict().items()}


def places(step: int, *, seed: int = 0) -> torch.Tensor:
    """The places of a step: all patches once in an order of their own, then all in the next one; levels stay mixed."""
    epoch, part = divmod(step, COUNT // BATCH)
    order = torch.randperm(COUNT // BATCH, generator=torch.Generator().manual_seed(seed * EPOCHS + epoch))
    return order[part] * BATCH + torch.arange(BATCH)
