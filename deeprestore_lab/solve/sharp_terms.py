"""Which term of a problem has a kink, and whether its proximal step is known within the problem's bounds."""

from __future__ import annotations

from deeprestore_lab.energies import Energy, LaplaceLikelihood, OfRepresentation, PoissonLikelihood, WeightedSum
from deeprestore_lab.operators.base import Identity
from deeprestore_lab.parametrisations.pixels import Pixels
from deeprestore_lab.priors.total_variation import TotalVariation
from deeprestore_lab.solve.problem import Problem


def bounds_refused(problem: Problem) -> str | None:
    """Why the proximal solver cannot take the problem's bounds, or the lack of them; None where it can."""
    _, kinked = sort_terms(problem)
    walls = open_walls(problem)
    if walls:
        return (
            f"{walls[0]} is infinite below zero and gradient steps get stuck there; give bounds from 0 on, or use ADMM"
        )
    if problem.bounds is None or kinked is None:
        return None
    if kinked == "penalty":
        return "the penalty has kinks and theta has bounds, and their common proximal step is not known"
    term = unwrap(*kinked)[1]
    if isinstance(term, TotalVariation | LaplaceLikelihood):
        return None
    return f"the proximal step of {term.name} within bounds is not known; use ADMM, or no bounds"


def open_walls(problem: Problem) -> list[str]:
    """The names of the terms that are infinite below zero, where pixels may go there: gradient steps get stuck."""
    if not isinstance(problem.parametrisation, Pixels) or (problem.bounds is not None and problem.bounds[0] >= 0):
        return []
    return [term.name for weight, term in problem.terms if isinstance(unwrap(weight, term)[1], PoissonLikelihood)]


def sort_terms(problem: Problem) -> tuple[list[int], tuple | str | None]:
    """The places of the smooth terms, and the one with a kink: (weight, term), "penalty", or None."""
    smooth = [i for i, (_, term) in enumerate(problem.terms) if term.smooth]
    kinked = [problem.terms[i] for i in range(len(problem.terms)) if i not in smooth]
    if problem.has_penalty and not problem.parametrisation.smooth_penalty:
        return smooth, "penalty" if not kinked else kinked[0]
    return smooth, kinked[0] if kinked else None


def unwrap(weight, term: Energy) -> tuple:
    """The term inside a sum of one, with its weight."""
    while isinstance(term, WeightedSum) and len(term.weighted) == 1:
        own, term = term.weighted[0]
        weight = weight * own
    if isinstance(term, OfRepresentation) and isinstance(term.phi, Identity):
        return weight, term.energy
    return weight, term
