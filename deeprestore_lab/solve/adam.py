"""Adam: momentum with a step size of its own for each number, from the first two moments of the gradient."""

from collections.abc import Callable

import torch

from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.solver import Solver

WINDOW = 50
Schedule = float | Callable[[int], float]


class Adam(Solver):
    r"""m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  theta <- P(theta - lr m^ / (sqrt(v^) + eps)).

    m^ and v^ are the moments without their bias towards the start, b1 = 0.9, b2 = 0.999, eps = 1e-8, and P is the
    projection onto the bounds. Every number moves by about `lr` at first, so the default 0.01 suits images in
    [0, 1]; a function of the step (see `training.cosine`) makes it a schedule. With a constant `lr` the iterates end
    within a distance of about `lr` of the optimum, not on it.

    Optimality of an image: how far its lowest energy fell within the last 50 steps, over the size of that energy;
    infinite before, while the energy lies above that of the start, with a schedule (which runs to its end), where
    evaluations are perturbed at random, and for networks, whose energy jumps. Parameters shared by the batch have one
    energy, the sum over the images.

    Source: Kingma & Ba (2015), algorithm 1, with projection. Taught in chapter 10_map.
    """

    name = "adam"
    default_steps = 1000
    default_tolerance = 1e-6
    takes_lr = True
    kept = ("count", "first", "second", "gradients", "lowest", "began")
    betas = (0.9, 0.999)
    eps = 1e-8

    def __init__(self, problem: Problem, *, tolerance: float, lr: Schedule | None = None) -> None:
        self.problem, self.lr = problem, 0.01 if lr is None else lr
        self.runs_on = problem.random or callable(self.lr) or problem.parametrisation.default_solver is not None
        self.count = 0
        self.first = [torch.zeros_like(p) for p in problem.parameters]
        self.second = [torch.zeros_like(p) for p in problem.parameters]
        self.lowest = [self._look()]
        self.began = self.lowest[0]

    def _look(self) -> torch.Tensor:
        """Evaluate at the current iterate, keep the gradients for the next step and return the energy."""
        at = self.problem.evaluate()
        self.gradients = at.gradients
        self.problem.note(shares=at.shares, x=at.x)  # with input noise x is what that noise gives: no second pass
        return at.total.sum().expand_as(at.total) if self.problem.parametrisation.shared else at.total

    def step(self, active: torch.Tensor) -> torch.Tensor:
        problem, (b1, b2) = self.problem, self.betas
        lr = self.lr(self.count) if callable(self.lr) else self.lr
        self.count += 1
        rate, unbias = lr / (1 - b1**self.count), (1 - b2**self.count) ** 0.5
        moved = []
        for i, (theta, g) in enumerate(zip(problem.parameters, self.gradients, strict=True)):
            self.first[i] = torch.lerp(self.first[i], g, 1 - b1)
            self.second[i] = (self.second[i] * b2).addcmul_(g, g, value=1 - b2)
            moved.append(theta.addcdiv(self.first[i], (self.second[i].sqrt() / unbias).add_(self.eps), value=-rate))
        if problem.parametrisation.shared:
            problem.move(moved, active)
            problem.parametrisation.project_()
        else:
            start = problem.theta
            problem.move(problem.project(moved[0]), active, start=start)
        energy = self._look()
        self.lowest.append(torch.minimum(self.lowest[-1], energy))
        if len(self.lowest) <= WINDOW or self.runs_on:
            self.lowest = self.lowest[-WINDOW:]
            return torch.full(energy.shape, torch.inf)  # on the CPU, where looking at it waits for nothing
        before = self.lowest.pop(0)
        fallen = (before - self.lowest[-1]) / self.lowest[-1].abs().clamp_min(torch.finfo(energy.dtype).tiny)
        return torch.where(energy > self.began, torch.inf, fallen)  # steps that are too long lower nothing either
