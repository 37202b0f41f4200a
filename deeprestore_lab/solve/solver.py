"""What a solver is: a class that says which problems it takes, and advances their images step by step."""

from typing import ClassVar

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.energies import Weight
from deeprestore_lab.solve.problem import Problem


class Kept:
    """What goes on bit for bit in another run: the attributes that `kept` names."""

    kept: ClassVar[tuple[str, ...]]

    def state_dict(self) -> dict:
        """What is `kept`, as far as it is there: nested lists and dicts of tensors, numbers and texts."""
        return {key: getattr(self, key) for key in self.kept if getattr(self, key, None) is not None}

    def load_state_dict(self, state: dict) -> None:
        """Take up the state of another run of the same problem."""
        for key, value in state.items():
            setattr(self, key, value)


class Solver(Kept):
    """The base of every solver: `why_not` and `suits` choose it, an instance steps through one problem.

    `step(active)` advances the images in `active` `(N,)`, each by itself; the problem then holds the new iterate
    (`Problem.move`), unchanged for the others. It returns the optimality `(N,)`: a relative measure, small at the
    optimum, infinite where not known. `reason` gives, per image, why the solver stopped it by itself ("exact", "line
    search"), or None; it may be None as a whole. `kept` names the attributes that a run needs to go on bit for bit.

    `minimise(solver=MySolver)` takes a subclass as it is. One for everybody is a file with a subclass and a line in
    `choice.SOLVERS`, which gives it its name and a place in what "auto" asks.
    """

    name: ClassVar[str]
    default_steps: ClassVar[int]
    default_tolerance: ClassVar[float]
    takes_lr: ClassVar[bool] = False  # whether its step size is the user's choice
    traces_residual: ClassVar[bool] = False  # whether the trace keeps its optimality: where there is no energy to show
    reason: list[str | None] | None = None

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        self.problem, self.tolerance = problem, tolerance

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        """Why this solver cannot take `problem`, or None where it can. By default it needs a value of every term."""
        return without_value(problem)

    @classmethod
    def suits(cls, problem: Problem) -> bool:
        """Whether "auto" should take this solver for a problem that it can take, before those after it in the list."""
        return True

    def step(self, active: torch.Tensor) -> torch.Tensor:
        """Advance the active images and return their optimality, `(N,)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define step")


def each(weight: Weight, like: torch.Tensor) -> torch.Tensor:
    """One number per image of `like`, `(N,)`, in its precision and where it lies."""
    one = like.new_ones(like.shape[0])
    return one * per_image(weight, one)


def without_value(problem: Problem) -> str | None:
    """The refusal of a solver that needs the value of every term."""
    if not problem.scores:
        return None
    names = ", ".join(term.name for _, term in problem.scores)
    return f"{names} has no value, a score alone, and this solver needs one; plug-and-play solvers (pnp_*) do without"


def not_by_itself(problem: Problem) -> str | None:
    """The refusal of a solver that works on each image by itself and evaluates the same equation every time."""
    if problem.random:
        return "jitter, views and input noise perturb every step at random, and only Adam bears that"
    if problem.parametrisation.shared:
        return "the images share their parameters, and this solver works on each image by itself"
    return None
