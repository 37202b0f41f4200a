"""Energies of what an operator gives: `prior @ phi`. Taught in chapters 09_preimages and 10_map."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.energies.answers import Quadratic
from deeprestore_lab.energies.base import Energy, checked_value
from deeprestore_lab.operators.base import Identity, LinearOperator, Operator, compose


class OfRepresentation(Energy):
    """energy(phi(x)): the same term, measured on what the operator `phi` gives."""

    def __init__(self, energy: Energy, phi: Operator | Callable) -> None:
        self.energy, self.phi = energy, phi

    @property
    def name(self) -> str:
        return f"{self.energy.name} @ {getattr(self.phi, 'name', type(self.phi).__name__)}"

    @property
    def smooth(self) -> bool:
        return self.energy.smooth

    @property
    def has_value(self) -> bool:
        return self.energy.has_value

    @property
    def nonnegative(self) -> bool:
        return isinstance(self.phi, Identity) and self.energy.nonnegative

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return checked_value(self.energy, self.phi(x))

    @property
    def has_score(self) -> bool:
        return self.energy.has_score

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """J^T s(phi(x)): the score s of the energy there, brought back by the transposed Jacobian J of phi."""
        check_differentiable("a score")
        with torch.enable_grad():
            at = x.detach().clone().requires_grad_()
            seen = self.phi(at)
            check_depends({f"what {self.name} sees": seen}, [at], on="x")
            return torch.autograd.grad(seen, at, self.energy.score(seen))[0]

    def split(self) -> tuple[LinearOperator, Energy]:
        if not isinstance(self.phi, LinearOperator):
            return Identity(), self
        inner, energy = self.energy.split()
        return compose(inner, self.phi), energy

    def quadratic(self) -> Quadratic | None:
        own = self.energy.quadratic()
        if own is None or not isinstance(self.phi, LinearOperator):
            return None
        return Quadratic(compose(own.operator, self.phi), own.target, own.precision)
