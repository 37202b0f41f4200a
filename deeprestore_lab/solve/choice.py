"""Which solver a problem can be given to, and which one it is given to when nobody says."""

from __future__ import annotations

from deeprestore_lab.energies import Energy
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.pixels import Pixels
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.sharp_terms import bounds_refused, open_walls

SOLVERS = ("closed_form", "proximal", "admm", "lbfgs", "adam")


def choose(problem: Problem) -> str:
    """The first of `SOLVERS` that suits: exact before proximal, proximal before splitting, smooth, and then Adam.

    A smooth problem that has no closed form goes to L-BFGS, not to the proximal or splitting solvers; counts whose
    pixels may go below zero, where they are impossible, go to ADMM first. A parametrisation that names a
    `default_solver` (networks name Adam) gets that one.
    """
    if problem.parametrisation.default_solver is not None:
        return problem.parametrisation.default_solver
    kinked = _kinks(problem)
    smooth = ("closed_form", "admm", "lbfgs") if open_walls(problem) else ("closed_form", "lbfgs")
    order = ("closed_form", "proximal", "admm") if kinked else smooth
    for name in order:
        if why_not(name, problem) is None:
            return name
    return "adam"


def why_not(solver: str, problem: Problem) -> str | None:
    """Why `solver` cannot take `problem`, or None where it can."""
    return _CHECKS[solver](problem)


def able(problem: Problem) -> list[str]:
    """The solvers that can take `problem`."""
    return [name for name in SOLVERS if why_not(name, problem) is None]


def _kinks(problem: Problem) -> list[str]:
    """The names of the terms, and the penalty, whose gradient does not exist everywhere."""
    names = [name for name, (_, term) in zip(problem.names, problem.terms, strict=True) if not term.smooth]
    if problem.has_penalty and not problem.parametrisation.smooth_penalty:
        names.append("penalty")
    return names


def _not_adam(problem: Problem) -> str | None:
    return None


def _not_deterministic(problem: Problem) -> str | None:
    if problem.jitter or problem.input_noise:
        return "jitter and input noise perturb every step at random, and only Adam bears that"
    if problem.parametrisation.shared:
        return "the images share their parameters, and this solver works on each image by itself"
    return None


def _not_lbfgs(problem: Problem) -> str | None:
    kinked = _kinks(problem)
    if kinked:
        return (
            f"it needs a gradient everywhere and {', '.join(kinked)} has kinks; smooth it (for total variation: "
            "smoothing=1e-3), or use a proximal solver or ADMM"
        )
    projects = type(problem.parametrisation).project_ is not Parametrisation.project_
    if projects and not hasattr(problem.parametrisation, "bounds"):
        return "it holds theta to a range by `bounds` = (low, high) only, and this parametrisation projects otherwise"
    return _not_deterministic(problem)


def _not_closed_form(problem: Problem) -> str | None:
    curved = [name for name, (_, t) in zip(problem.names, problem.terms, strict=True) if t.quadratic() is None]
    if curved:
        return f"{', '.join(curved)} is not quadratic"
    if not problem.parametrisation.linear:
        return "the parametrisation is not linear"
    if problem.has_penalty:
        return "the parametrisation has a penalty"
    if problem.bounds is not None:
        return "the parametrisation has bounds"
    return _not_deterministic(problem)


def _not_proximal(problem: Problem) -> str | None:
    kinked = _kinks(problem)
    if len(kinked) > 1:
        return f"it takes one term with kinks and here are {len(kinked)}: {', '.join(kinked)}; use ADMM"
    if kinked and kinked != ["penalty"]:
        term = _term(problem, kinked[0])
        if not term.has_prox:
            return f"{kinked[0]} has no proximal step"
        if not isinstance(problem.parametrisation, Pixels):
            return f"the proximal step of {kinked[0]} is one on pixels, and theta is not pixels"
    return _not_deterministic(problem) or bounds_refused(problem)


def _not_admm(problem: Problem) -> str | None:
    if not isinstance(problem.parametrisation, Pixels):
        return "it splits a search over pixels, and theta is not pixels"
    stuck = [
        name
        for name, (_, term) in zip(problem.names, problem.terms, strict=True)
        if term.quadratic() is None and not term.split()[1].has_prox
    ]
    if stuck:
        return f"{', '.join(stuck)} is neither quadratic nor split into a linear map and a term with a proximal step"
    return _not_deterministic(problem)


def _term(problem: Problem, name: str) -> Energy:
    return problem.terms[problem.names.index(name)][1]


_CHECKS = {
    "closed_form": _not_closed_form,
    "proximal": _not_proximal,
    "admm": _not_admm,
    "lbfgs": _not_lbfgs,
    "adam": _not_adam,
}
