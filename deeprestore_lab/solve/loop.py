"""The loop around a solver's steps: stop per image, record, call back, show progress, save."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch

from deeprestore_lab.solve.bookkeeping import Recorder
from deeprestore_lab.solve.progress import Progress
from deeprestore_lab.solve.solver import Solver
from deeprestore_lab.solve.trace import Trace

if TYPE_CHECKING:
    from deeprestore_lab.solve.checkpoint import Checkpoint

Callback = Callable[[int, torch.Tensor], bool | None]


def run(
    stepper: Solver,
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
    deferred = nullcontext() if checkpoint is None else checkpoint.file.deferred_interrupt()
    with deferred, Progress(progress, steps=steps, label=stepper.name) as bar:
        while not stopped and len(recorder.rows) <= steps and "" in recorder.stopped_by:
            with torch.set_grad_enabled(False):  # evaluations that need gradients switch them on
                optimality = stepper.step(active)
            recorder.add(active, residual=optimality if stepper.traces_residual else None)
            active = _stop(recorder, active, stepper.reason, optimality <= tolerance)
            if callback is not None:
                stopped = _call(callback, stepper, recorder, checkpoint)
            bar.update(len(recorder.rows) - 1, recorder.rows[-1])
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


def _call(callback: Callback | None, stepper: Solver, recorder: Recorder, checkpoint: Checkpoint | None) -> bool:
    if callback is None:
        return False
    try:
        return _says_stop(callback(recorder.step, recorder.x.clone()))
    except BaseException:
        if checkpoint is not None:
            checkpoint.save(stepper, recorder)
        raise
