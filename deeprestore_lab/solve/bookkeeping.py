"""The rows of a trace while a solver runs: terms, energy, PSNR, seconds and snapshots."""

import math
import time

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.measures.metrics import decibels
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.trace import Trace

ROOTS = "a root or a norm has none at 0: add a small number under it"


class NonFiniteError(ValueError):
    """A term became infinite or undefined. `trace` holds the run up to the last finite step, or None at the start."""

    def __init__(self, message: str, trace: Trace | None) -> None:
        super().__init__(message)
        self.trace = trace


def is_snapshot(step: int) -> bool:
    """Whether `step` is one of 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, ...: 2^k and 3 * 2^k."""
    while step > 3 and step % 2 == 0:
        step //= 2
    return step <= 3


class Recorder:
    """Collects what a `Trace` keeps; an image that has stopped repeats its last values."""

    def __init__(
        self, problem: Problem, solver: str, *, reference: torch.Tensor | None, snapshots: bool, average: float = 0.0
    ) -> None:
        self.problem, self.solver, self.reference, self.keep = problem, solver, reference, snapshots
        self.rows: list[dict[str, torch.Tensor]] = []
        self.psnr: list[torch.Tensor] = []
        self.seconds: list[float] = []
        self.snapshots: dict[int, torch.Tensor] = {}
        self.steps = torch.zeros(problem.batch, dtype=torch.long)
        self.stopped_by = [""] * problem.batch
        self.x: torch.Tensor | None = None
        self.beta = average
        self.average: torch.Tensor | None = None
        self.average_psnr: list[torch.Tensor] = []
        self.residual: list[torch.Tensor] = []
        self._start = time.perf_counter()

    @property
    def step(self) -> int:
        """The last step recorded."""
        return len(self.rows) - 1

    def add(self, active: torch.Tensor, *, residual: torch.Tensor | None = None) -> None:
        """Record the current iterate of the problem; `active` `(N,)` says which images took the step.

        `residual` `(N,)` is what the solver says of the step, where the trace keeps that: infinite at the start.

        Raises `NonFiniteError`, with the trace so far, where a term of any image is not finite.
        """
        step, shares, x = len(self.rows), self.problem.report(), self.problem.x()
        if step > 0 and (active.device.type != "cpu" or not bool(active.all())):
            last = self.rows[-1]
            shares = {name: torch.where(active, share, last[name]) for name, share in shares.items()}
        self._check_finite(shares, step)
        self.rows.append(shares)
        if residual is not None:
            if not self.residual:
                self.residual.append(torch.full_like(residual, torch.inf))
            self.residual.append(torch.where(active, residual, self.residual[-1]))
        self.x = x
        if self.reference is not None:
            self.psnr.append(decibels(x, self.reference))
        if self.beta:
            self._add_average(x, active)
        if self.keep and is_snapshot(step):
            self.snapshots[step] = x
        self.seconds.append(time.perf_counter() - self._start)
        if step > 0:
            self.steps = self.steps.to(active.device) + active

    def _add_average(self, x: torch.Tensor, active: torch.Tensor) -> None:
        """a <- b a + (1 - b) x, for the images that took the step."""
        if self.average is None:
            self.average = x
        else:
            moved = torch.lerp(x, self.average, self.beta)
            self.average = torch.where(per_image(active, x).bool(), moved, self.average)
        if self.reference is not None:
            self.average_psnr.append(decibels(self.average, self.reference))

    def _check_finite(self, shares: dict[str, torch.Tensor], step: int) -> None:
        if math.isfinite(sum(shares.values()).sum()):  # one look for all: no finite sum has a term that is not
            return
        values = torch.stack(list(shares.values()))
        if bool(torch.isfinite(values).all()):  # each is finite, and too large to be added up
            return
        term, image = (~torch.isfinite(values)).nonzero()[0].tolist()
        name = list(shares)[term]
        hint = "; a smaller lr may help" if self.solver == "adam" else ""
        if len(shares) > 1 and bool((~torch.isfinite(values[:, image])).all()):  # theta itself is not finite
            hint = f", as every term is: a gradient was not finite ({ROOTS}){hint}"
        hint = "; start from an image where it is finite" if step == 0 else hint
        raise NonFiniteError(
            f"{name!r} is {float(values[term, image])} for image {image} at step {step} of {self.solver}{hint}",
            self.trace() if self.rows else None,
        )

    def state_dict(self) -> dict:
        """Everything recorded so far, for a checkpoint."""
        keys = ("seconds", "snapshots", "steps", "stopped_by", "x", "average")
        rows = {name: torch.stack([row[name] for row in self.rows]) for name in self.rows[0]}
        return {
            **{key: getattr(self, key) for key in keys},
            "rows": rows,
            "psnr": _stacked(self.psnr),
            "average_psnr": _stacked(self.average_psnr),
            "residual": _stacked(self.residual),
        }

    def load_state_dict(self, state: dict) -> None:
        """Take up what was recorded; the clock counts on from the last second of it."""
        self.seconds, self.snapshots, self.x = state["seconds"], state["snapshots"], state["x"]
        self.steps, self.stopped_by = state["steps"].cpu(), state["stopped_by"]
        self.rows = [{name: v[t] for name, v in state["rows"].items()} for t in range(len(self.seconds))]
        self.average = state["average"]
        self.psnr = [] if state["psnr"] is None else list(state["psnr"])
        self.average_psnr = [] if state["average_psnr"] is None else list(state["average_psnr"])
        self.residual = [] if state.get("residual") is None else list(state["residual"])
        self._start = time.perf_counter() - self.seconds[-1]

    def trace(self, *, left: str = "steps") -> Trace:
        """The trace of what was recorded; images still going were stopped by `left`. The last step is a snapshot."""
        terms = {name: torch.stack([row[name] for row in self.rows]) for name in self.rows[0]}
        x = self.x.clone()
        return Trace(
            x=x,
            solver=self.solver,
            terms=terms,
            energy=torch.stack(list(terms.values())).sum(0),
            seconds=torch.tensor(self.seconds, dtype=torch.float64),
            steps=self.steps.cpu().clone(),
            stopped_by=[reason or left for reason in self.stopped_by],
            snapshots={**self.snapshots, self.step: x} if self.keep else {},
            psnr=_stacked(self.psnr),
            average=None if self.average is None else self.average.clone(),
            average_psnr=_stacked(self.average_psnr),
            residual=_stacked(self.residual),
            without_value=[term.name for _, term in self.problem.scores],
        )


def _stacked(rows: list[torch.Tensor]) -> torch.Tensor | None:
    return torch.stack(rows) if rows else None
