"""A training run between two steps, and what is noted of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from deeprestore_lab.dependence import check_depends
from deeprestore_lab.training.before import Before, random_state, same_tensors, set_random_state

CHUNK = 8  # images at a time when a loss is only evaluated
Pair = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of a step, from the seed and the step alone, so that an interrupted run draws them again."""
    return torch.Generator().manual_seed((1_000_003 * seed + step) % 2**63)


@dataclass
class History:
    """What happened: the loss of each batch, the held-out loss at `evaluated` steps, and why the run ended.

    `seconds` has the time since the start at each of the `evaluated` steps, earlier parts of a resumed run included.
    `best_step` is the step whose weights the network holds now (the last one without held-out data).
    """

    loss: list[float] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_step: int = 0
    stopped_early: bool = False

    @property
    def best(self) -> float:
        """The lowest held-out loss; NaN where there was no held-out data."""
        return min(self.held_out, default=math.nan)


class Run:
    """A run between two steps.

    With `kept` its state can be saved at any time, also after a step that failed: it is then the one before that step.
    """

    def __init__(
        self, network, wrapped, engine, fabric, loss: Loss, held_out: Pair | None, *, kept: bool = False
    ) -> None:
        self.network, self.wrapped, self.engine, self.fabric, self.loss = network, wrapped, engine, fabric, loss
        self.held_out = held_out
        self.step, self.history, self.best, self.waited = 0, History(), None, 0
        self.followed = False  # whether the loss was seen to depend on the weights
        self.kept, self.moving = kept, False  # moving: the optimiser is at work, and the weights are of no step
        self.before: Before | None = None  # while a step is under way
        self.restored: dict | None = None  # the random state that a file brought, and the one it took the place of

    def advance(self, draw: Callable[[int], Pair], rate: float) -> None:
        """One step downhill. Raises `ValueError` for a loss that is not finite, or does not depend on the weights."""
        if self.kept:
            self.before = Before(self.network, self._device, self.before)
        self.network.train()
        inputs, targets = (self.fabric.to_device(tensor) for tensor in draw(self.step))
        for group in self.engine.param_groups:
            group["lr"] = rate
        self.engine.zero_grad()
        value = self.loss(self.wrapped(inputs), targets)
        number = float(value.detach())
        if not math.isfinite(number):
            raise ValueError(f"the loss at step {self.step} is {number}; a smaller lr (now {rate:.3g}) may help")
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
        total, count = 0.0, 0
        for inputs, targets in zip(*(tensor.split(CHUNK) for tensor in self.held_out), strict=True):
            prediction = self.wrapped(self.fabric.to_device(inputs))
            total += float(self.loss(prediction, self.fabric.to_device(targets))) * len(inputs)
            count += len(inputs)
        return total / count

    def state(self, seconds: float) -> dict:
        """All that a run needs to go on."""
        state = {"step": self.step, "waited": self.waited, "seconds": seconds, "history": dict(vars(self.history))}
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
