"""The solvers there are, which of them can take a problem, and which one takes it when nobody says."""

from deeprestore_lab.solve.adam import Adam
from deeprestore_lab.solve.admm import ADMM
from deeprestore_lab.solve.closed_form import ClosedForm
from deeprestore_lab.solve.lbfgs import LBFGS
from deeprestore_lab.solve.plug_and_play import HalfQuadraticSplitting, PlugAndPlayADMM, PlugAndPlayProximal
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.proximal import Proximal
from deeprestore_lab.solve.solver import Solver

# In the order in which "auto" asks them. A new solver is one line here; all else it says about itself.
SOLVERS: dict[str, type[Solver]] = {
    solver.name: solver
    for solver in (
        ClosedForm,
        Proximal,
        ADMM,
        LBFGS,
        Adam,
        PlugAndPlayADMM,
        HalfQuadraticSplitting,
        PlugAndPlayProximal,
    )
}


def choose(problem: Problem) -> type[Solver]:
    """The first of `SOLVERS` that suits `problem` and can take it; what a parametrisation names comes before them.

    So: exact before proximal, proximal before splitting, smooth, and then Adam; plug-and-play for a denoiser that has
    no value, which those refuse. Networks name Adam as their
    `default_solver`. Raises `ValueError` where none can take it, with the reason of each.
    """
    if problem.parametrisation.default_solver is not None:
        return checked(problem.parametrisation.default_solver, problem)
    for solver in SOLVERS.values():
        if solver.suits(problem) and solver.why_not(problem) is None:
            return solver
    reasons = "; ".join(f"{name}: {solver.why_not(problem)}" for name, solver in SOLVERS.items())
    raise ValueError(f"no solver can take this problem. {reasons}")


def checked(solver: str | type[Solver], problem: Problem) -> type[Solver]:
    """The solver of that name, or the class itself, where it can take `problem`.

    Raises `ValueError` with its reason, and who can, where it cannot, and for a class that says less than it must.
    """
    if isinstance(solver, str):
        solver = SOLVERS[solver]
    missing = [said for said in ("name", "default_steps", "default_tolerance") if not hasattr(solver, said)]
    if missing:
        raise ValueError(f"the solver {solver.__name__} must say its {', '.join(missing)}, as `Solver` describes")
    reason = solver.why_not(problem)
    if reason is not None:
        others = ", ".join(able(problem)) or "none"
        raise ValueError(f"solver {solver.name!r} cannot take this problem: {reason}. Can take it: {others}")
    return solver


def able(problem: Problem) -> list[str]:
    """The solvers that can take `problem`."""
    return [name for name, solver in SOLVERS.items() if solver.why_not(problem) is None]
