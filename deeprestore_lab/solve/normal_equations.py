"""The linear equations that a sum of quadratic terms leads to, solved exactly where the structure allows it."""

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.energies import Quadratic, Weight
from deeprestore_lab.operators.base import BASES, Identity, LinearOperator
from deeprestore_lab.signal.convolution import from_basis, to_basis
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients

Part = tuple[Weight, LinearOperator]


@dataclass(frozen=True)
class Solution:
    """The x of the equations, how it was found, and what is left of them: ||b - H x|| / ||b|| per image."""

    x: torch.Tensor
    method: str  # "division", "fft" or "dct" (a division there), "solve" (the operator's own), "conjugate gradients"
    residual: torch.Tensor | None  # None where the solution is exact


def apply_normal(parts: list[Part], x: torch.Tensor) -> torch.Tensor:
    """H x with H = sum_i weight_i A_i*A_i."""
    return sum((per_image(weight, x) * _normal(operator, x) for weight, operator in parts), torch.zeros_like(x))


def right_hand_side(quadratics: list[tuple[Weight, Quadratic]], x: torch.Tensor) -> torch.Tensor:
    """sum_i weight_i precision_i A_i* target_i, for images shaped like `x`.

    Raises `ValueError` for a measurement of another batch.
    """
    total = torch.zeros_like(x)
    for weight, q in quadratics:
        target = q.target
        if not isinstance(target, torch.Tensor):
            if target == 0:
                continue
            target = torch.full_like(q.operator.apply(x), target)
        if target.shape[0] not in (1, x.shape[0]):
            raise ValueError(f"a measurement of {target.shape[0]} images does not fit a batch of {x.shape[0]}")
        target = target.to(x.device, x.dtype.to_complex() if target.is_complex() else x.dtype).expand(
            x.shape[0], *target.shape[1:]
        )
        total = total + per_image(weight, x) * per_image(q.precision, x) * q.operator.adjoint(target)
    return total


def solve_normal(
    parts: list[Part], b: torch.Tensor, *, x: torch.Tensor | None = None, tolerance: float | torch.Tensor = 1e-6
) -> Solution:
    r"""The x of (sum_i weight_i A_i*A_i) x = b: in a shared diagonal basis, by one operator's own solve, or by CG.

    Weights are floats or `(N,)`. `x` is a warm start for conjugate gradients, which stop at the relative residual
    `tolerance`. Where something is left free the result is the solution of smallest norm (from CG: without `x`).
    """
    if all(isinstance(operator, Identity) for _, operator in parts):
        total = torch.as_tensor(sum(per_image(weight, b) for weight, _ in parts)).to(b)
        return Solution(torch.where(total > 0, b / total, 0.0), "division", None)
    for basis in BASES:
        eigenvalues = _eigenvalues(parts, b, basis)
        if eigenvalues is not None:
            return Solution(_divide(b, eigenvalues, basis), basis, None)
    own = _one_operator(parts, b)
    if own is not None:
        weight, operator, rest = own
        return Solution(operator.solve(b / per_image(weight, b), rest / weight), "solve", None)
    found, _, residual = conjugate_gradients(lambda v: apply_normal(parts, v), b, x=x, tolerance=tolerance)
    return Solution(found, "conjugate gradients", residual)


def is_exact(parts: list[Part], x: torch.Tensor) -> bool:
    """Whether `solve_normal` solves these equations, for images shaped like `x`, without conjugate gradients."""
    if all(isinstance(operator, Identity) for _, operator in parts):
        return True
    return any(_eigenvalues(parts, x, basis) is not None for basis in BASES) or _one_operator(parts, x) is not None


def _normal(operator: LinearOperator, x: torch.Tensor) -> torch.Tensor:
    return x if isinstance(operator, Identity) else operator.adjoint(operator.apply(x))


def _eigenvalues(parts: list[Part], b: torch.Tensor, basis: str) -> torch.Tensor | None:
    total = 0.0
    for weight, operator in parts:
        own = operator.normal_eigenvalues(b, basis)
        if own is None:
            return None
        total = total + per_image(weight, b) * own
    return total


def _divide(b: torch.Tensor, eigenvalues: torch.Tensor, basis: str) -> torch.Tensor:
    """H^-1 b, and the pseudo-inverse where H is singular."""
    floor = torch.finfo(b.dtype).eps * eigenvalues.amax((-3, -2, -1), keepdim=True)
    inverse = torch.where(eigenvalues > floor, eigenvalues.clamp_min(torch.finfo(b.dtype).tiny).reciprocal(), 0.0)
    return from_basis(to_basis(b, basis) * inverse, basis, b)


def _one_operator(parts: list[Part], b: torch.Tensor) -> tuple[torch.Tensor, LinearOperator, torch.Tensor] | None:
    """(weight, operator, rest) where H = weight A*A + rest I, both above zero, and the operator has a solve."""
    others = {id(operator): operator for _, operator in parts if not isinstance(operator, Identity)}
    if len(others) != 1:
        return None
    (operator,) = others.values()
    weight, rest = b.new_zeros(b.shape[0]), b.new_zeros(b.shape[0])
    for own, part in parts:
        target = rest if isinstance(part, Identity) else weight
        target += per_image(own, target)
    if not operator.has_solve or not bool((weight > 0).all()) or not bool((rest > 0).all()):
        return None
    return weight, operator, rest
