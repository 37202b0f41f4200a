"""The loop around a solver's steps: stop per image, record, call back, show progress, save."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from deeprestore_lab.solve.bookkeeping import Recorder
from deeprestore_lab.solve.progress import Progress
from deeprestore_lab.solve.trace import Trace

if TYPE_CHECKING:
    from deeprestore_lab.solve.checkpoint import Checkpoint

Callback = Callable[[int, torch.Tensor], bool | None]


class Stepper(Protocol):
    """A solver: advances the images that are still active, each by itself.

    After `step(active)` the problem holds the new iterate (`Problem.move`), unchanged for images that are not active.
    `step` returns the optimality `(N,)`: a relative measure, small at the optimum, infinite where not known. `reason`
    gives, per image, why the solver stopped it by itself ("exact", "line search"), or None; it may be None as a whole.
    """

    name: str
    default_steps: int
    default_tolerance: float
    reason: list[str | None] | None

    def step(self, active: torch.Tensor) -> torch.Tensor: ...

    def state_dict(self) -> dict: ...

    def load_state_dict(self, state: dict) -> None: ...


def run(
    stepper: Stepper,
    recorder: Recorder,
    *,
    steps: int,
    tolerance: float,
    callback: Callback | None = None,
    progress: bool | None = None,
    checkpoint: Checkpoint | None = None,
) -> Trace:
    """Step until every image has met `tolerance`, was stopped by its solver or the callback, or took `steps`.

    With a checkpoint file the state is saved now and then, at the end, and before an interrupt or an exception of the
    callback leaves the loop. An interrupt from the keyboard then waits for the end of the step.
    """
    device = recorder.problem.x().device
    if checkpoint is not None and checkpoint.restore(stepper, recorder):
        waiting = [reason == "" for reason in recorder.stopped_by]
        active, stopped = torch.tensor(waiting, device=device), False
    else:
        active = torch.ones(recorder.problem.batch, dtype=torch.bool, device=device)
        recorder.add(active)
        stopped = _call(callback, stepper, recorder, checkpoint)
    deferred = nullcontext() if checkpoint is None else checkpoint.deferred_interrupt()
    with deferred, Progress(progress, steps=steps, label=stepper.name) as bar:
        while not stopped and recorder.step < steps and "" in recorder.stopped_by:
            optimality = stepper.step(active)
            recorder.add(active)
            active = _stop(recorder, active, stepper.reason, optimality <= tolerance)
            stopped = _call(callback, stepper, recorder, checkpoint)
            bar.update(recorder.step, recorder.rows[-1])
            if checkpoint is not None:
                checkpoint.save_if_due(stepper, recorder)
                checkpoint.raise_if_interrupted(stepper, recorder)
    if checkpoint is not None:
        checkpoint.save(stepper, recorder)
    return recorder.trace(left="callback" if stopped else "steps")


def _stop(
    recorder: Recorder, active: torch.Tensor, reasons: list[str | None] | None, met: torch.Tensor
) -> torch.Tensor:
    """Note why images stop at this step; return those that go on."""
    if reasons is None and not bool(met.any()):
        return active
    going = active.tolist()
    for image, done in enumerate(met.tolist()):
        own = reasons[image] if reasons is not None else None
        if going[image] and (own or done):
            recorder.stopped_by[image] = own or "tolerance"
            going[image] = False
    return torch.tensor(going, device=active.device)


def _says_stop(answer: object) -> bool:
    """Whether it is True, from Python, NumPy or torch; what a callback gives by the way does not stop a run."""
    single = isinstance(answer, torch.Tensor) and answer.dtype == torch.bool and answer.numel() == 1
    return bool(answer) if single or isinstance(answer, bool | np.bool_) else False


def _call(callback: Callback | None, stepper: Stepper, recorder: Recorder, checkpoint: Checkpoint | None) -> bool:
    if callback is None:
        return False
    try:
        return _says_stop(callback(recorder.step, recorder.x.clone()))
    except BaseException:
        if checkpoint is not None:
            checkpoint.save(stepper, recorder)
        raise
