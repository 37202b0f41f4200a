"""What ADMM splits off: each term with a kink as f(K x), the bounds, and quadratic terms where that helps."""

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.energies import Energy, Quadratic, Weight
from deeprestore_lab.operators.base import Identity, LinearOperator
from deeprestore_lab.solve.normal_equations import is_exact, right_hand_side
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.solver import each


class Box(Energy):
    """Zero within the bounds, infinite outside; its proximal step is the projection."""

    smooth = False

    def __init__(self, bounds: tuple[float, float]) -> None:
        self.bounds = bounds

    def prox(self, v: torch.Tensor, step: float | torch.Tensor) -> torch.Tensor:
        return v.clamp(*self.bounds)


class SquaredError(Energy):
    """precision/2 ||A x - y||^2 with its proximal step, by the operator's own solve."""

    def __init__(self, quadratic: Quadratic) -> None:
        self.quadratic = quadratic

    def prox(self, v: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        weight = step * self.quadratic.precision
        b = right_hand_side([(1.0, Quadratic(self.quadratic.operator, self.quadratic.target, 1.0))], v)
        return self.quadratic.operator.solve(b + v / per_image(weight, v), 1 / weight)


def split_terms(
    problem: Problem,
) -> tuple[list[tuple[Weight, Quadratic]], list[tuple[torch.Tensor, LinearOperator, Energy]]]:
    """What stays, (weight, quadratic), and what is split off, (weight `(N,)`, K, f); the bounds come last.

    Raises `ValueError` for a term that is neither quadratic nor split into K x and a proximal step.
    """
    x = problem.theta
    quadratics, splits = [], []
    for weight, term in problem.terms:
        if (quadratic := term.quadratic()) is not None:
            quadratics.append((weight, quadratic))
        else:
            operator, f = term.split()
            if not f.has_prox:
                raise ValueError(f"{term.name} is neither quadratic nor split into K x and a proximal step")
            splits.append((each(weight, x), operator, f))
    quadratics, moved = _moved(quadratics, [operator for _, operator, _ in splits], x)
    splits += [(each(weight, x), Identity(), SquaredError(q)) for weight, q in moved]
    if problem.bounds is not None:
        splits.append((x.new_ones(problem.batch), Identity(), Box(problem.bounds)))
    return quadratics, splits


def _moved(quadratics: list, operators: list, x: torch.Tensor) -> tuple[list, list]:
    """What stays, and what to split off: terms with a solve, where the equations for x are solved exactly only then."""
    kept = [(w, q) for w, q in quadratics if not q.operator.has_solve or isinstance(q.operator, Identity)]
    moved = [(w, q) for w, q in quadratics if not any(q is other for _, other in kept)]
    positive = all(bool((each(w, x) > 0).all()) for w, _ in moved)
    one = x.new_ones(x.shape[0])
    parts = [(one, operator) for operator in [*[q.operator for _, q in quadratics], *operators]]
    fewer = [(one, operator) for operator in [*[q.operator for _, q in kept], *operators, Identity()]]
    if moved and positive and not is_exact(parts, x) and is_exact(fewer, x):
        return kept, moved
    return quadratics, []
