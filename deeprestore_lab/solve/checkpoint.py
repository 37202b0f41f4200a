"""A run of `minimise` saved to one file and taken up again, bit for bit."""

from collections.abc import Callable
from pathlib import Path

import torch

from deeprestore_lab.energies import term_names, weighted_terms
from deeprestore_lab.operators import one_evaluation
from deeprestore_lab.solve.bookkeeping import Recorder
from deeprestore_lab.solve.fingerprint import Seen, attributes, fingerprint
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.saved_run import SavedRun
from deeprestore_lab.solve.solver import Solver
from deeprestore_lab.solve.state_files import to_device

FORMAT = "deeprestore_lab checkpoint 3"
WORDS = {
    "start": "the start (x0, or the parameters and constants)",
    "values": "the energy near the start",
    "denoisers": "a denoiser",
}
NEAR = 0.1  # how far at most from the start, upwards, the terms are evaluated too


class Checkpoint:
    """The file of one run.

    The file says which problem it belongs to: the solver and its settings, the start with what is constant in the
    parametrisation, the weight of each term and what the terms, the parametrisation, `views` and the reference hold
    under public names (`fingerprint`). What functions do cannot be compared; so the values of the terms near the start
    are, too. `steps` may differ, so that a finished run can be taken further; images that had converged stay as they
    are. Raises `ValueError` for a run that draws at random without a seed.
    """

    def __init__(
        self,
        path: str | Path,
        problem: Problem,
        solver: type[Solver],
        *,
        tolerance: float,
        lr: float | Callable[[int], float] | None,
        seed: int | None,
        average: float = 0.0,
        reference: torch.Tensor | None = None,
    ) -> None:
        self.problem = problem
        g, seen = problem.parametrisation, {}
        settings = {
            "solver": solver.name,
            "the kind of solver": solver.__qualname__,
            "tolerance": tolerance,
            "lr": "a function of the step" if callable(lr) else lr,
            "seed": seed,
            "jitter": problem.perturbed.jitter,
            "views": fingerprint(problem.perturbed.views, seen),
            "input_noise": problem.perturbed.input_noise,
            "average": average,
            "precision": "bf16-mixed" if problem.low_precision else None,
            "start": fingerprint(dict(g.state_dict()) | g.constants(), seen),
            "the kind of parametrisation": type(g).__qualname__,
            "bounds": fingerprint(problem.bounds, seen),
            **_held("the parametrisation", {k: v for k, v in attributes(g).items() if k not in g._parameters}, seen),
            "denoisers": _denoised(problem),
            **_terms(problem, seen),
            "the reference": fingerprint(reference, seen),
            "values": _values(problem),
        }
        computed = ("denoisers", "values")
        rate = lr if callable(lr) else None
        self.file = SavedRun(path, settings, format=FORMAT, kind="problem", words=WORDS, computed=computed, rate=rate)
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
        return {
            "rates": self.file.rates(recorder.step),
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
        state = self.file.restore()
        self.file.check_rates(state.pop("rates"))
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


def _held(owner: str, held: dict[str, object], seen: Seen) -> dict[str, str]:
    return {f"{name} of {owner}": fingerprint(own, seen) for name, own in held.items()}


def _terms(problem: Problem, seen: Seen) -> dict[str, str]:
    """The weight of each term and what it holds, by words for messages."""
    terms = weighted_terms(problem.energy)
    found = {}
    for name, (weight, term) in zip(term_names(terms), terms, strict=True):
        found[f"the weight of {name}"] = fingerprint(weight, seen)
        found[f"the kind of {name}"] = type(term).__qualname__
        found |= _held(name, attributes(term), seen)
    return found


@torch.no_grad()
def _values(problem: Problem) -> dict[str, list[float]]:
    """The terms at a picture near the start where few of them are zero, the same one for every run of the problem."""
    x = problem.x()
    pattern = torch.rand(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with one_evaluation():
        near = x + NEAR * pattern.to(x)
        return {name: term(near).tolist() for name, (_, term) in zip(problem.names, problem.terms, strict=True)}


def _denoised(problem: Problem) -> dict[str, list[float]]:
    """What denoisers make of the start, in the place of their values."""
    return {term.name: term.denoised(problem.theta).flatten(1).norm(dim=1).tolist() for _, term in problem.scores}
