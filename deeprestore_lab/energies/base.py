"""What every energy can do: be evaluated, added, scaled, and measured on a representation. Taught in chapter 10_map."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import EXACT, check_positive, check_precision, check_weight, describe, per_image
from deeprestore_lab.core.checks.module_order import check_module_order
from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.energies.answers import Answers, Bounds, InexactProx, Quadratic, Weight
from deeprestore_lab.energies.shares import (
    checked_value,
    detach_images,
    term_names,
    weighted_values,
    zero_weight_images,
)
from deeprestore_lab.operators.base import Identity, LinearOperator, Operator, compose
from deeprestore_lab.operators.one_pass import one_evaluation


class Energy(Answers):
    """A term of the equation: it answers what solvers ask (`Answers` lists the verbs), and it adds and scales.

    A subclass defines `value`, and whichever of the other verbs it has. An energy with parameters names its energy
    before torch's module: `class Learned(Prior, nn.Module)`. Raises `TypeError` for a class that names them in the
    other order.
    """

    __array_ufunc__ = None  # numpy scalars then leave `weight * energy` to this class

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        check_module_order(cls, Energy)

    def terms(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each term's share of the energy, by name: `{name: (N,)}`; the shares add up to the energy."""
        return {self.name: self(x)}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if not (isinstance(x, torch.Tensor) and x.ndim == 4 and x.dtype in EXACT):  # all that a loop pays for
            if not isinstance(x, torch.Tensor) or x.ndim != 4 or not x.is_floating_point():
                raise ValueError(f"{self.name} takes a float tensor of shape (N, C, H, W), got {describe(x)}")
            check_precision(x, name="x")
        return checked_value(self, x)

    def __add__(self, other: Energy) -> WeightedSum:
        if not isinstance(other, Energy):
            return NotImplemented
        return WeightedSum([*weighted_terms(self), *weighted_terms(other)])

    def __radd__(self, other: object) -> Energy:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # what `sum` starts from

    def __mul__(self, weight: Weight) -> WeightedSum:
        if isinstance(weight, Energy):
            raise ValueError("energies add and scale; a product of two energies is not an energy")
        weight, weighted = check_weight(weight), weighted_terms(self)
        lengths = {len(own) for own in (weight, *(own for own, _ in weighted)) if getattr(own, "ndim", 0)} - {1}
        if len(lengths) > 1:  # one stands for all
            raise ValueError(f"weights of one per image must be as many, got {' and '.join(map(str, sorted(lengths)))}")
        return WeightedSum([(weight * own, energy) for own, energy in weighted])

    __rmul__ = __mul__

    def __truediv__(self, divisor: Weight) -> WeightedSum:
        """The energy with the weight 1 / divisor, a number above 0 or one per image."""
        if isinstance(divisor, Energy):
            raise ValueError("energies add and scale; a quotient of two energies is not an energy")
        return self * check_positive(divisor, name="divisor") ** -1

    def __matmul__(self, operator: Operator | Callable) -> Energy:
        """The energy on a representation: `(prior @ phi)(x) = prior(phi(x))`; the identity disappears."""
        if not callable(operator) or isinstance(operator, Energy):
            return NotImplemented
        return self if isinstance(operator, Identity) else OfRepresentation(self, operator)


class WeightedSum(Energy):
    """sum_i weight_i * energy_i(x), flat: each weight is a float or one number per image `(N,)`.

    A sum of one answers for its term, times the weight. Its mean under noise and its denoiser do not scale: it has them
    where the weight is 1. Terms that look through the same network share one pass, so the graphs of the shares hang
    together.
    """

    def __init__(self, weighted: list[tuple[Weight, Energy]]) -> None:
        self.weighted = list(weighted)
        self._out = [zero_weight_images(weight) for weight, _ in self.weighted]

    @property
    def name(self) -> str:
        return " + ".join(energy.name for _, energy in self.weighted)

    @property
    def smooth(self) -> bool:
        return all(energy.smooth for _, energy in self.weighted)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        with one_evaluation():
            return sum(
                weighted_values(weight, checked_value(energy, detach_images(x, out)), out)
                for (weight, energy), out in zip(self.weighted, self._out, strict=True)
            )

    def terms(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        with one_evaluation():
            named = zip(term_names(self.weighted), self.weighted, self._out, strict=True)
            return {
                name: weighted_values(weight, energy(detach_images(x, out)), out)
                for name, (weight, energy), out in named
            }

    @property
    def has_value(self) -> bool:
        return all(energy.has_value for _, energy in self.weighted)

    @property
    def nonnegative(self) -> bool:
        return any(energy.nonnegative for _, energy in self.weighted)

    @property
    def has_prox(self) -> bool:
        return len(self.weighted) == 1 and self.weighted[0][1].has_prox

    @property
    def has_bounded_prox(self) -> bool:
        return len(self.weighted) == 1 and self.weighted[0][1].has_bounded_prox

    @property
    def has_inexact_prox(self) -> bool:
        return len(self.weighted) == 1 and self.weighted[0][1].has_inexact_prox

    @property
    def prox_gap(self) -> float | None:
        return self.weighted[0][1].prox_gap if len(self.weighted) == 1 else None

    def _single(self) -> tuple[Weight, Energy]:
        """The weight and the term of a sum of one; several have no common proximal step."""
        if len(self.weighted) != 1:
            raise NotImplementedError(f"{self.name}: a sum of several terms has no proximal step; use ADMM")
        return self.weighted[0]

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        weight, energy = self._single()
        return energy.prox(v, step * weight)

    def bounded_prox(self, v: torch.Tensor, step: Weight, bounds: Bounds) -> torch.Tensor:
        weight, energy = self._single()
        return energy.bounded_prox(v, step * weight, bounds)

    def inexact_prox(
        self,
        v: torch.Tensor,
        step: Weight,
        *,
        bounds: Bounds | None = None,
        gap: Weight | None = None,
        start: torch.Tensor | None = None,
        steps: int | None = None,
    ) -> InexactProx:
        weight, energy = self._single()
        return energy.inexact_prox(v, step * weight, bounds=bounds, gap=gap, start=start, steps=steps)

    def split(self) -> tuple[LinearOperator, Energy]:
        if len(self.weighted) != 1:
            return super().split()
        weight, energy = self.weighted[0]
        operator, own = energy.split()
        return operator, WeightedSum([(weight, own)])

    def quadratic(self) -> Quadratic | None:
        if len(self.weighted) != 1 or (own := self.weighted[0][1].quadratic()) is None:
            return None
        return Quadratic(own.operator, own.target, self.weighted[0][0] * own.precision)

    def _unchanged(self) -> Energy | None:
        """The term of a sum of one whose weight is 1."""
        alone = len(self.weighted) == 1 and bool((torch.as_tensor(self.weighted[0][0]) == 1).all())
        return self.weighted[0][1] if alone else None

    @property
    def has_posterior_mean(self) -> bool:
        term = self._unchanged()
        return term is not None and term.has_posterior_mean

    def posterior_mean(self, y: torch.Tensor, sigma: float) -> torch.Tensor:
        term = self._unchanged()
        return super().posterior_mean(y, sigma) if term is None else term.posterior_mean(y, sigma)

    @property
    def has_denoiser(self) -> bool:
        term = self._unchanged()
        return term is not None and term.has_denoiser

    @property
    def sigma(self) -> Weight:
        """The level that the denoiser of a sum of one removes."""
        if not self.has_denoiser:
            raise AttributeError(f"{self.name} is no denoiser")
        return self._unchanged().sigma

    def denoised(self, v: torch.Tensor) -> torch.Tensor:
        term = self._unchanged()
        return super().denoised(v) if term is None else term.denoised(v)

    @property
    def has_score(self) -> bool:
        return all(energy.has_score for _, energy in self.weighted)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """The weighted sum of the terms' scores."""
        total = torch.zeros_like(x)
        for (weight, energy), out in zip(self.weighted, self._out, strict=True):
            score = per_image(weight, x) * energy.score(x)
            total = total + (score if out is None else score.masked_fill(per_image(out, x).bool(), 0.0))
        return total

    def __matmul__(self, operator: Operator | Callable) -> Energy:
        """Each term on the representation, so that each keeps its name and its closed form."""
        if not callable(operator) or isinstance(operator, Energy):
            return NotImplemented
        return WeightedSum([(weight, energy @ operator) for weight, energy in self.weighted])


def weighted_terms(energy: Energy) -> list[tuple[Weight, Energy]]:
    """The energy as a flat list of (weight, term); a single term has weight 1."""
    return energy.weighted if isinstance(energy, WeightedSum) else [(1.0, energy)]


class OfRepresentation(Energy):
    """energy(phi(x)): the same term, measured on what the operator `phi` gives.

    Raises `ValueError` where an energy or a denoiser made for real values gets complex ones; its score also where
    autograd cannot follow phi back to x.
    """

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
        seen = self.phi(x)
        complex_values = isinstance(seen, torch.Tensor) and seen.is_complex()
        return self._of_complex(seen) if complex_values else checked_value(self.energy, seen)

    def _of_complex(self, seen: torch.Tensor) -> torch.Tensor:
        """The energy of complex values, one of their modulus."""
        cause = None
        try:
            values = checked_value(self.energy, seen)
            if not values.is_complex():
                return values
        except (RuntimeError, ValueError) as error:
            cause = error
        said = "" if cause is None else f" ({str(cause).splitlines()[0]})"
        raise ValueError(
            f"{self.energy.name} is made for real values, and {self.name} gives it complex ones{said}"
        ) from cause

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
            if seen.is_complex():
                self._of_complex(seen.detach())  # a score says nothing of the modulus, the value does
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
