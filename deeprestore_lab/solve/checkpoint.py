"""A run of `minimise` saved to one file and taken up again, bit for bit."""

from collections.abc import Callable
from pathlib import Path

from deeprestore_lab.solve.bookkeeping import Recorder
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.saved_run import SavedRun
from deeprestore_lab.solve.state_files import digest, to_device

FORMAT = "deeprestore_lab checkpoint 2"
WORDS = {
    "start": "the start (x0, or the parameters and constants)",
    "terms": "the energy at the start",
    "denoisers": "a denoiser",
}


class Checkpoint:
    """The file of one run.

    The file says which problem it belongs to: the solver and its settings, the terms with their values at the start,
    and the start itself, with what is constant in the parametrisation. `steps` may differ, so that a finished run can
    be taken further; images that had converged stay as they are. Raises `ValueError` for a run that draws at random
    without a seed.
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
        self.problem = problem
        rates = [lr(step) for step in (0, 1, 10, 100, 1000)] if callable(lr) else lr
        settings = {
            "solver": solver,
            "tolerance": tolerance,
            "lr": rates,
            "seed": seed,
            "jitter": problem.perturbed.jitter,
            "views": None if problem.perturbed.views is None else repr(problem.perturbed.views),
            "input_noise": problem.perturbed.input_noise,
            "average": average,
            "precision": "bf16-mixed" if problem.low_precision else None,
            "start": digest(problem.parametrisation.state_dict() | problem.parametrisation.constants()),
        }
        if problem.scores:  # what denoisers make of the start, in the place of their values
            theta = problem.theta
            settings["denoisers"] = {
                term.name: term.denoised(theta).flatten(1).norm(dim=1).tolist() for _, term in problem.scores
            }
        self.file = SavedRun(path, settings, format=FORMAT, kind="problem", words=WORDS)
        if problem.random and seed is None:
            raise ValueError("a checkpoint of a run with jitter, views or input_noise needs a seed")

    def save_if_due(self, stepper, recorder: Recorder) -> None:
        """Save where the last time is more than half a minute ago."""
        self.file.save_if_due(lambda: self._state(stepper, recorder))

    def save(self, stepper, recorder: Recorder) -> None:
        """Write the state whole, in the place of the old one."""
        self.file.save(self._state(stepper, recorder))

    def _state(self, stepper, recorder: Recorder) -> dict:
        generator = self.problem.perturbed.generator
        self.file.settings["terms"] = {name: value.tolist() for name, value in recorder.rows[0].items()}
        return {
            "stepper": stepper.state_dict(),
            "recorder": recorder.state_dict(),
            "parametrisation": self.problem.parametrisation.state_dict(),
            "generator": None if generator is None else generator.get_state(),
        }

    def restore(self, stepper, recorder: Recorder) -> bool:
        """Take up the run of the file; False where there is none yet.

        Raises `ValueError` where the file cannot be read, or belongs to another problem, saying what differs.
        """
        if not self.file.path.exists():
            return False
        self.file.settings["terms"] = {name: value.tolist() for name, value in self.problem.report().items()}
        state = self.file.restore()
        if (state["recorder"]["psnr"] is None) != (recorder.reference is None):
            without = "this run has none" if recorder.reference is None else "the saved run had none"
            raise ValueError(
                f"{str(self.file.path)!r} belongs to another run: one of the two has a reference, {without}"
            )
        state = to_device(state, self.problem.x().device)
        self.problem.parametrisation.load_state_dict(state["parametrisation"])
        self.problem.note()
        stepper.load_state_dict(state["stepper"])
        recorder.load_state_dict(state["recorder"])
        if state["generator"] is not None:
            self.problem.perturbed.generator.set_state(state["generator"].cpu())
        return True

    def raise_if_interrupted(self, stepper, recorder: Recorder) -> None:
        """Save and pass the interrupt on, where one came during the step."""
        self.file.raise_if_interrupted(lambda: self._state(stepper, recorder))
