"""A training run between two steps, and what is noted of it."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from deeprestore_lab.core.capture import Captured
from deeprestore_lab.core.dependence import check_depends
from deeprestore_lab.solve.fingerprint import fingerprint
from deeprestore_lab.training.before import Before, random_state, same_tensors, set_random_state
from deeprestore_lab.training.history import History

CHUNK = 8  # images at a time when a loss is only evaluated
Batch = Any  # a tensor, or a tuple of tensors, named or not
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Objective = Callable[[Batch], torch.Tensor]


def lengths(batch: Batch) -> list[int]:
    """The first dimension of each tensor of a batch."""
    return [len(leaf) for leaf in tree_flatten(batch)[0] if isinstance(leaf, torch.Tensor)]


def in_double(batch: Batch) -> Batch:
    """The batch with its floats in double precision, for a network whose weights are."""
    return tree_map(
        lambda leaf: leaf.double() if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() else leaf, batch
    )


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of a step, from the seed and the step alone, so that an interrupted run draws them again."""
    return torch.Generator().manual_seed((1_000_003 * seed + step) % 2**63)


class Run:
    """A run between two steps.

    With `kept` its state can be saved at any time, also after a step that failed: it is then the one before that step.
    With `capture` forward and backward passes are recorded as a CUDA graph, from the second step on.
    """

    def __init__(
        self,
        network,
        engine,
        fabric,
        objective: Objective,
        held_out: Batch | None,
        *,
        kept: bool = False,
        capture: bool = False,
    ) -> None:
        self.network, self.engine, self.fabric, self.objective = network, engine, fabric, objective
        self.held_out = held_out
        self.step, self.history, self.best, self.waited = 0, History(), None, 0
        self.followed = False  # whether the loss was seen to depend on the weights
        self.capture, self.captured = capture, None
        self.first: str | None = None  # the fingerprint of the first batch
        self.kept, self.moving = kept, False  # moving: the optimiser is at work, and the weights are of no step
        self.before: Before | None = None  # while a step is under way
        self.restored: dict | None = None  # the random state that a file brought, and the one it took the place of

    def advance(self, draw: Callable[[int], Batch], rate: float) -> None:
        """One step downhill. Raises `ValueError` for a loss that is not finite, or does not depend on the weights."""
        if self.kept:
            self.before = Before(self.network, self._device, self.before)
        self.network.train()
        batch = draw(self.step)
        if self.kept and self.step == 0:
            self.first = fingerprint(batch)
        batch = self.fabric.to_device(batch)
        for group in self.engine.param_groups:
            group["lr"] = rate
        if self.capture and self.followed:
            number = self._play(batch)
            self._check(number, rate)
        else:
            self.engine.zero_grad()
            value = self.objective(batch)
            number = float(value.detach())
            self._check(number, rate)
            if not self.followed:
                check_depends({"the loss": value}, self.network.parameters(), on="the network's weights")
                self.followed = True
            self.fabric.backward(value)
        self.moving = True
        self.engine.step()
        self.step += 1
        self.history.loss.append(number)
        self.moving = False
        if self.before is not None:
            self.before.done()

    def _check(self, number: float, rate: float) -> None:
        if not math.isfinite(number):
            raise ValueError(f"the loss at step {self.step} is {number}; a smaller lr (now {rate:.3g}) may help")

    def _play(self, batch: Batch) -> float:
        """The loss, with the gradients left in the parameters, by the recording; the first call makes it."""
        leaves, form = tree_flatten(batch)  # None among them, where a batch holds it

        def passes(*leaves) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
            self.engine.zero_grad(set_to_none=True)  # so that gradients are written, not added to the last ones
            value = self.objective(tree_unflatten(leaves, form))
            self.fabric.backward(value)
            return value.detach(), [p.grad for p in self.network.parameters()]

        if self.captured is None:
            random, buffers = random_state(self._device), [(b, b.clone()) for b in self.network.buffers()]
            self.captured = Captured(passes, leaves)
            set_random_state(random, self._device)  # the passes before the recording are none of the run's
            for b, before in buffers:
                b.copy_(before)
        value, gradients = self.captured(*leaves)
        for p, gradient in zip(self.network.parameters(), gradients, strict=True):
            p.grad = gradient
        return float(value)

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def evaluate(self, seconds: float, patience: int | None) -> bool:
        """Note the held-out loss of this step, once; True where patience has run out.

        Raises `ValueError` for a held-out loss that is not finite.
        """
        history = self.history
        if self.held_out is None:
            history.best_step = self.step
            return False
        if self.step not in history.evaluated:
            value = self._held_out_loss()
            if not math.isfinite(value):
                raise ValueError(f"the held-out loss at step {self.step} is {value}")
            if not history.held_out or value < history.best:
                weights = self.network.state_dict()
                self.best = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
                history.best_step, self.waited = self.step, 0
            else:
                self.waited += 1
            history.evaluated.append(self.step)
            history.held_out.append(value)
            history.seconds.append(seconds)
        if patience is not None and self.waited >= patience:
            history.stopped_early = True
        return history.stopped_early

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        self.network.eval()
        total, whole = 0.0, lengths(self.held_out)[0]
        for first in range(0, whole, CHUNK):
            rows = slice(first, first + CHUNK)
            part = tree_map(
                lambda leaf, rows=rows: leaf[rows] if isinstance(leaf, torch.Tensor) else leaf, self.held_out
            )
            part = self.fabric.to_device(part)
            total += float(self.objective(part)) * lengths(part)[0]
        return total / whole

    def state(self, seconds: float) -> dict:
        """All that a run needs to go on."""
        state = {"step": self.step, "waited": self.waited, "seconds": seconds, "history": dict(vars(self.history))}
        state |= {"first": self.first}
        network = dict(self.network.state_dict())
        random = random_state(self._device)
        if self.before is not None and self.before.under_way:
            kept = {name: b for name, b in self.before.buffers.items() if name in network}
            network, random = network | kept, self.before.random
        state |= {"network": network, "best": self.best, "random": random}
        return state | {"engine": self.engine.state_dict()}

    def load(self, state: dict) -> float:
        """Take up a saved state; returns the seconds it had run."""
        self.network.load_state_dict(state["network"])
        self.engine.load_state_dict(state["engine"])
        self.step, self.waited, self.best = state["step"], state["waited"], state["best"]
        self.first = state["first"]
        self.history = History(**state["history"])
        self.restored = {"own": random_state(self._device), "file": state["random"]}
        set_random_state(state["random"], self._device)
        return state["seconds"]

    def finish(self) -> None:
        """Leave the best weights in the network, in eval mode.

        Where nothing random was drawn since a state was taken up, the caller's random numbers go on as they were.
        """
        if self.best is not None:
            self.network.load_state_dict(self.best)
        self.network.eval()
        if self.restored is not None and same_tensors(random_state(self._device), self.restored["file"]):
            set_random_state(self.restored["own"], self._device)
