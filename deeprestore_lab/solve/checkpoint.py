"""A run saved to one file and taken up again, bit for bit: tensors in safetensors, the rest as JSON in its header."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deeprestore_lab.solve.packing import digest, read_state, same, short, to_device, write_state
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.record import Recorder

FORMAT = "deeprestore_lab checkpoint 1"
EVERY_SECONDS = 30.0


class Checkpoint:
    """The file of one run.

    The file says which problem it belongs to: the solver and its settings, the terms with their values at the start,
    and the start itself, with what is constant in the parametrisation. `steps` may differ, so that a finished run can
    be taken further; images that had converged stay as they are.
    """

    def __init__(
        self,
        path: str | Path,
        problem: Problem,
        solver: str,
        *,
        tolerance: float,
        lr: float | Callable[[int], float] | None,
        seed: int | None,
        average: float = 0.0,
    ) -> None:
        self.path, self.problem = Path(path), problem
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise ValueError(f"checkpoint must be a file in a folder that exists, got {str(self.path)!r}")
        if problem.random and seed is None:
            raise ValueError("a checkpoint of a run with jitter or input_noise needs a seed")
        rates = [lr(step) for step in (0, 1, 10, 100, 1000)] if callable(lr) else lr
        self.settings = {
            "solver": solver,
            "tolerance": tolerance,
            "lr": rates,
            "seed": seed,
            "jitter": problem.jitter,
            "input_noise": problem.input_noise,
            "average": average,
            "start": digest(problem.parametrisation.state_dict() | problem.parametrisation.constants()),
        }
        self.saved = time.perf_counter()
        self.interrupted = False

    def save_if_due(self, stepper, recorder: Recorder) -> None:
        """Save where the last time is more than half a minute ago."""
        if time.perf_counter() - self.saved > EVERY_SECONDS:
            self.save(stepper, recorder)

    def save(self, stepper, recorder: Recorder) -> None:
        """Write the state to a new file and put it in the place of the old one in one go."""
        generator = self.problem.generator
        state = {
            "settings": {**self.settings, "terms": {name: v.tolist() for name, v in recorder.rows[0].items()}},
            "stepper": stepper.state_dict(),
            "recorder": recorder.state_dict(),
            "parametrisation": self.problem.parametrisation.state_dict(),
            "generator": None if generator is None else generator.get_state(),
        }
        write_state(self.path, state, format=FORMAT)
        self.saved = time.perf_counter()

    def restore(self, stepper, recorder: Recorder) -> bool:
        """Take up the run of the file; False where there is none yet.

        Raises `ValueError` where the file cannot be read, or belongs to another problem, saying what differs.
        """
        if not self.path.exists():
            return False
        state = read_state(self.path, format=FORMAT)
        self._check(state["settings"])
        if (state["recorder"]["psnr"] is None) != (recorder.reference is None):
            without = "this run has none" if recorder.reference is None else "the saved run had none"
            raise ValueError(f"{str(self.path)!r} belongs to another run: one of the two has a reference, {without}")
        device = self.problem.x().device
        state = to_device(state, device)
        self.problem.parametrisation.load_state_dict(state["parametrisation"])
        self.problem.note()
        stepper.load_state_dict(state["stepper"])
        recorder.load_state_dict(state["recorder"])
        if state["generator"] is not None:
            self.problem.generator.set_state(state["generator"].cpu())
        return True

    def _check(self, stored: dict) -> None:
        """Compare with the problem at hand; call before anything is loaded into it."""
        terms = {name: value.tolist() for name, value in self.problem.report().items()}
        for key, value in {**self.settings, "terms": terms}.items():
            if not same(stored.get(key), value):
                what = {
                    "start": "the start (x0, or the parameters and constants)",
                    "terms": "the energy at the start",
                }.get(key, key)
                raise ValueError(
                    f"{str(self.path)!r} belongs to another problem: {what} differs "
                    f"(there {short(stored.get(key))}, here {short(value)}); give another file name"
                )

    @contextmanager
    def deferred_interrupt(self) -> Iterator[None]:
        """Let an interrupt from the keyboard wait for `raise_if_interrupted`; a second one does not wait."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        usual = signal.getsignal(signal.SIGINT)

        def note(number, frame) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, usual)

    def raise_if_interrupted(self, stepper, recorder: Recorder) -> None:
        """Save and pass the interrupt on, where one came during the step."""
        if self.interrupted:
            self.save(stepper, recorder)
            raise KeyboardInterrupt
