"""The training loop: batches in, weights that were best on held-out data out; on any device, by Lightning Fabric."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import mse_loss

from deeprestore_lab.checks import check_choice, check_lr, check_weight, check_whole, describe
from deeprestore_lab.solve.progress import Progress
from deeprestore_lab.training.checkpoint import RunFile

OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("32-true", "bf16-mixed", "64-true")
CHUNK = 8  # images at a time when a loss is only evaluated
Pair = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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


def fit(
    network: nn.Module,
    draw: Callable[[int], Pair],
    *,
    steps: int,
    loss: Loss = mse_loss,
    lr: float | Callable[[int], float] = 1e-3,
    optimiser: str = "adamw",
    weight_decay: float = 0.0,
    held_out: Pair | None = None,
    every: int = 50,
    patience: int | None = None,
    precision: str = "32-true",
    accelerator: str = "cpu",
    checkpoint: str | Path | None = None,
    label: str = "training",
    progress: bool | None = None,
) -> History:
    r"""Minimise the mean of loss(network(input), target) over the batches (input, target) = draw(step).

    `draw(step)` gives the batch of a step, 0, 1, ..., from the step alone (a seed, say), so that a run that was
    interrupted goes on with the batches it would have had. `loss` is a mean over everything in the batch.

    optimiser: "adamw" (Adam with decoupled weight decay, Loshchilov & Hutter 2019) or "sgd" (without momentum; there
        decay is the gradient of weight_decay / 2 ||theta||^2). `lr` is a float or a function of the step.
    held_out: a pair (input, target) that is not trained on. Its loss is taken before the first step, every `every`
        steps and after the last, in eval mode; the network ends with the weights that were best there. With `patience`
        the run stops after so many evaluations without a new best.
    precision, accelerator: as Lightning Fabric names them: "32-true", "bf16-mixed", "64-true"; "cpu", "gpu", "auto".
        One device. The network is left on that device. On another kind of device sums differ by rounding.
    checkpoint: a file to which the run is saved every half minute and at its end, and from which it goes on if the file
        is there, bit for bit on the same machine. It belongs to these settings and this start; `steps` may differ.
    progress: a bar after two seconds (None), at once (True) or never (False).

    Raises `ValueError` for settings that do not fit, a checkpoint of another run, and a loss that is not finite
    (naming the step; the checkpoint keeps the state before it); `ImportError` that names the extra where Lightning
    Fabric is missing. Taught in chapter 05_learning_filters.
    """
    _check(network, optimiser, precision, held_out)
    rate = _rate(lr)
    steps, every = check_whole(steps, name="steps", least=0), check_whole(every, name="every", least=1)
    decay = check_weight(weight_decay, name="weight_decay", single=True)
    if patience is not None:
        check_whole(patience, name="patience", least=1)
        if held_out is None:
            raise ValueError("patience needs held_out data to be patient about")
    fabric = _fabric(accelerator, precision)
    settings = {"optimiser": optimiser, "weight_decay": decay, "every": every, "precision": precision}
    settings |= {"lr": [rate(step) for step in (0, 1, 10, 100, 1000)], "patience": patience}
    file = None if checkpoint is None else RunFile(checkpoint, network, settings)
    kinds = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    wrapped, engine = fabric.setup(network, kinds[optimiser](network.parameters(), lr=rate(0), weight_decay=decay))
    run = _Run(network, wrapped, engine, fabric, loss, held_out)
    start = time.perf_counter()
    if file is not None and file.path.exists():
        start -= run.load(file.restore())
    with Progress(progress, steps=steps, label=label) as bar:
        while run.step < steps:
            if run.step % every == 0 and run.evaluate(time.perf_counter() - start, patience):
                break
            if file is not None:
                file.save_if_due(lambda: run.state(time.perf_counter() - start))
            run.advance(draw(run.step), rate(run.step))
            bar.update(run.step, {"loss": torch.tensor(run.history.loss[-1])})
    run.evaluate(time.perf_counter() - start, None)
    if file is not None:
        file.save(run.state(time.perf_counter() - start))
    run.finish()
    return run.history


class _Run:
    """A run between two steps."""

    def __init__(self, network, wrapped, engine, fabric, loss: Loss, held_out: Pair | None) -> None:
        self.network, self.wrapped, self.engine, self.fabric, self.loss = network, wrapped, engine, fabric, loss
        self.held_out = held_out
        self.step, self.history, self.best, self.waited = 0, History(), None, 0

    def advance(self, pair: Pair, rate: float) -> None:
        """One step downhill."""
        self.network.train()
        inputs, targets = (self.fabric.to_device(tensor) for tensor in pair)
        for group in self.engine.param_groups:
            group["lr"] = rate
        self.engine.zero_grad()
        value = self.loss(self.wrapped(inputs), targets)
        number = float(value.detach())
        if not math.isfinite(number):
            raise ValueError(f"the loss at step {self.step} is {number}; a smaller lr (now {rate:.3g}) may help")
        self.fabric.backward(value)
        self.engine.step()
        self.step += 1
        self.history.loss.append(number)

    def evaluate(self, seconds: float, patience: int | None) -> bool:
        """Note the held-out loss of this step, once; True where patience has run out."""
        history = self.history
        if self.held_out is None:
            history.best_step = self.step
            return False
        if self.step not in history.evaluated:
            value = self._held_out_loss()
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
        state |= {"network": dict(self.network.state_dict()), "best": self.best}
        return state | {"engine": self.engine.state_dict()}

    def load(self, state: dict) -> float:
        """Take up a saved state; returns the seconds it had run."""
        self.network.load_state_dict(state["network"])
        self.engine.load_state_dict(state["engine"])
        self.step, self.waited, self.best = state["step"], state["waited"], state["best"]
        self.history = History(**state["history"])
        return state["seconds"]

    def finish(self) -> None:
        """Leave the best weights in the network, in eval mode."""
        if self.best is not None:
            self.network.load_state_dict(self.best)
        self.network.eval()


def _fabric(accelerator: str, precision: str):
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise ImportError(
            "training needs Lightning Fabric, which is an extra: pip install 'deeprestore_lab[training]'"
        ) from error
    return Fabric(accelerator=accelerator, devices=1, precision=precision)


def _rate(lr: float | Callable[[int], float]) -> Callable[[int], float]:
    checked = check_lr(lr)
    return checked if callable(checked) else lambda step: checked


def _check(network: nn.Module, optimiser: str, precision: str, held_out: Pair | None) -> None:
    if not isinstance(network, nn.Module) or not any(True for _ in network.parameters()):
        raise ValueError(f"network must be a torch module with parameters, got {describe(network)}")
    check_choice(optimiser, OPTIMISERS, name="optimiser")
    check_choice(precision, PRECISIONS, name="precision")
    if held_out is not None and not (len(held_out) == 2 and len(held_out[0]) == len(held_out[1]) > 0):
        raise ValueError("held_out must be a pair (inputs, targets) of the same, non-zero length")
