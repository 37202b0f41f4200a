"""The training loop: batches in, weights that were best on held-out data out; on any device, by Lightning Fabric."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import mse_loss

from deeprestore_lab.core.capture import check_capture
from deeprestore_lab.core.checks import check_choice, check_lr, check_weight, check_whole, describe
from deeprestore_lab.core.dependence import check_gradients_on
from deeprestore_lab.solve.fingerprint import fingerprint
from deeprestore_lab.solve.progress import Progress
from deeprestore_lab.solve.saved_run import SavedRun
from deeprestore_lab.training.before import random_state, set_random_state
from deeprestore_lab.training.history import History
from deeprestore_lab.training.run import Batch, Loss, Objective, Run, in_double, lengths

OPTIMISERS = ("adamw", "sgd")
FORMAT = "deeprestore_lab training run 3"
PRECISIONS = ("32-true", "bf16-mixed", "64-true")


def fit(
    network: nn.Module,
    draw: Callable[[int], Batch],
    *,
    steps: int,
    loss: Loss = mse_loss,
    objective: Objective | None = None,
    lr: float | Callable[[int], float] = 1e-3,
    optimiser: str = "adamw",
    weight_decay: float = 0.0,
    held_out: Batch | None = None,
    every: int = 50,
    patience: int | None = None,
    precision: str = "32-true",
    accelerator: str = "cpu",
    capture: bool = False,
    checkpoint: str | Path | None = None,
    label: str = "training",
    progress: bool | None = None,
) -> History:
    r"""Minimise the mean of loss(network(input), target) over the batches (input, target) = draw(step).

    `draw(step)` gives the batch of a step, 0, 1, ..., from the step alone (a seed, say), so that a run that was
    interrupted goes on with the batches it would have had. `loss` is a mean over everything in the batch.

    objective: what is minimised where pairs do not fit: a function of the batch, whatever `draw` gives (a tensor or a
        tuple of them), to a scalar, a mean over the batch; it calls the network itself. `loss` plays no part then.
    optimiser: "adamw" (Adam with decoupled weight decay, Loshchilov & Hutter 2019) or "sgd" (without momentum; there
        decay is the gradient of weight_decay / 2 ||theta||^2). `lr` is a float or a function of the step.
    held_out: a batch that is not trained on, a pair (input, target) or what `objective` takes. Its loss is taken before
        the first step, every `every` steps and after the last, in eval mode; the network ends with the weights that
        were best there. With `patience` the run stops after so many evaluations without a new best.
    precision, accelerator: as Lightning Fabric names them: "32-true", "bf16-mixed", "64-true"; "cpu", "gpu", "auto".
        One device. The network is left on that device. On another kind of device sums differ by rounding.
    capture: True records forward and backward passes on a CUDA GPU and plays them again at every step, for small
        networks, which wait for Python there. Batches must have one shape; a loss or a network whose Python code draws
        numbers or keeps a state would do so once.
    checkpoint: a file to which the run is saved every half minute, at its end, and before an error or an interrupt
        from the keyboard leaves it (which waits for the end of the step), and from which it goes on if the file is
        there, bit for bit on the same machine (with `capture` up to rounding), dropout included: torch's random state
        is saved with it. It belongs to these settings, this start, the held-out data, the first batch and the sizes of
        the steps taken; `steps` may differ. `loss` and `objective` are compared by the names of functions and by what
        objects hold, since code cannot be.
    progress: a bar after two seconds (None), at once (True) or never (False).

    Raises `ValueError` for settings that do not fit, inside of `torch.no_grad()`, for a loss that does not depend on
    the network's weights, a checkpoint of another run, and a loss that is not finite (naming the step; the checkpoint
    keeps the state before it); `ImportError` that names the extra where Lightning
    Fabric is missing. Taught in chapter 05_learning_filters.
    """
    check_gradients_on("training")
    _check(network, optimiser, precision, held_out, pairs=objective is None)
    rate = _rate(lr)
    steps, every = check_whole(steps, name="steps", least=0), check_whole(every, name="every", least=1)
    decay = check_weight(weight_decay, name="weight_decay", single=True)
    if patience is not None:
        check_whole(patience, name="patience", least=1)
        if held_out is None:
            raise ValueError("patience needs held_out data to be patient about")
    fabric = _fabric(accelerator, precision)
    settings = {"optimiser": optimiser, "weight_decay": decay, "every": every, "precision": precision}
    settings |= {"lr": "a function of the step" if callable(lr) else lr, "patience": patience}
    held = {"loss": loss, "objective": objective, "held_out": held_out}
    file = None if checkpoint is None else _file(checkpoint, network, settings, held, rate)
    kinds = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    wrapped, engine = fabric.setup(network, kinds[optimiser](network.parameters(), lr=rate(0), weight_decay=decay))
    capture = check_capture(capture, fabric.device)

    def value(batch: Batch) -> torch.Tensor:
        if objective is None:
            return loss(wrapped(batch[0]), batch[1])
        with fabric.autocast():
            return objective(in_double(batch) if precision == "64-true" else batch)

    run = Run(network, engine, fabric, value, held_out, kept=file is not None, capture=capture)
    start = time.perf_counter()
    if file is not None and (saved := file.restore()) is not None:
        _check_taken(file, saved, draw, fabric.device)
        start -= run.load(saved)

    def state() -> dict:
        return run.state(time.perf_counter() - start) | {"rates": file.rates(run.step)}

    deferred = nullcontext() if file is None else file.deferred_interrupt()
    with deferred, Progress(progress, steps=steps, label=label) as bar:
        try:
            while run.step < steps:
                if run.step % every == 0 and run.evaluate(time.perf_counter() - start, patience):
                    break
                if file is not None:
                    file.save_if_due(state)
                run.advance(draw, rate(run.step))
                bar.update(run.step, {"loss": torch.tensor(run.history.loss[-1])})
                if file is not None:
                    file.raise_if_interrupted(state)
            if file is not None:  # without the last evaluation, which a run of more steps would not make
                file.save(state())
            run.evaluate(time.perf_counter() - start, None)
        except BaseException:
            if file is not None and not run.moving:
                file.save(state())
            raise
    run.finish()
    return run.history


def _file(
    checkpoint: str | Path, network: nn.Module, settings: dict, held: dict[str, object], rate: Callable[[int], float]
) -> SavedRun:
    seen = {}
    settings = settings | {"start": fingerprint(network.state_dict(), seen), "network": fingerprint(network, seen)}
    settings |= {name: fingerprint(own, seen) for name, own in held.items()}
    words = {"start": "the weights at the start", "network": "a setting of the network"}
    return SavedRun(checkpoint, settings, format=FORMAT, kind="run", words=words, rate=rate)


def _check_taken(file: SavedRun, saved: dict, draw: Callable[[int], Batch], device: torch.device) -> None:
    """Raise `ValueError` where the steps taken had other step sizes, or the first of them another batch."""
    file.check_rates(saved["rates"])
    if saved["first"] is None:
        return
    random = random_state(device)
    first = fingerprint(draw(0))
    set_random_state(random, device)
    if first != saved["first"]:
        raise file.another("the first batch of `draw`", saved["first"], first)


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


def _check(network: nn.Module, optimiser: str, precision: str, held_out: Batch | None, *, pairs: bool) -> None:
    if not isinstance(network, nn.Module) or not any(True for _ in network.parameters()):
        raise ValueError(f"network must be a torch module with parameters, got {describe(network)}")
    check_choice(optimiser, OPTIMISERS, name="optimiser")
    check_choice(precision, PRECISIONS, name="precision")
    if held_out is None:
        return
    found = lengths(held_out)
    alike = len(set(found)) == 1 and found[0] > 0
    if pairs and not (alike and isinstance(held_out, tuple | list) and len(held_out) == len(found) == 2):
        raise ValueError("held_out must be a pair (inputs, targets) of the same, non-zero length")
    if not alike:
        raise ValueError(f"what is held_out must be tensors of one non-zero length, got lengths {found}")
