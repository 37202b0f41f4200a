"""What every energy can do: be evaluated, added, scaled, and measured on a representation.

Taught in chapter 10_map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_positive, check_precision, check_weight, class_words, describe
from deeprestore_lab.operators.base import Identity, LinearOperator, Operator, check_module_order, compose
from deeprestore_lab.operators.one_pass import one_evaluation

Weight = float | torch.Tensor


@dataclass(frozen=True)
class Quadratic:
    """An energy written as precision / 2 * ||operator(x) - target||^2, for solvers that use closed forms."""

    operator: LinearOperator
    target: torch.Tensor | float
    precision: Weight


class Energy:
    """A term of the equation. A subclass defines `value`, and whichever of the other verbs it has.

    `smooth` says that the gradient exists everywhere. `prox` is the proximal step. `split` writes the
    energy as f(K x) with K linear and f having a cheap proximal step. `quadratic` gives its closed form.

    An energy with parameters names its energy before torch's module: `class Learned(Prior, nn.Module)`. Raises
    `TypeError` for a class that names them in the other order.
    """

    smooth = True
    __array_ufunc__ = None  # numpy scalars then leave `weight * energy` to this class

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        check_module_order(cls, Energy)

    @property
    def name(self) -> str:
        """The energy's name in reports and traces."""
        return class_words(self)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The energy of each image, shape `(N,)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define value")

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """argmin_x of 1/2 ||x - v||^2 + step * R(x), per image; `step` a float or `(N,)`."""
        raise NotImplementedError(f"{self.name} has no proximal step")

    @property
    def has_prox(self) -> bool:
        """Whether `prox` is defined."""
        return type(self).prox is not Energy.prox

    def split(self) -> tuple[LinearOperator, Energy]:
        """(K, f) with R(x) = f(K x) and f proximable in closed form. By default K is the identity."""
        return Identity(), self

    def quadratic(self) -> Quadratic | None:
        """The energy as one squared norm, or None where it is not quadratic."""
        return None

    def terms(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each term's share of the energy, by name: `{name: (N,)}`; the shares add up to the energy."""
        return {self.name: self(x)}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if not isinstance(x, torch.Tensor) or x.ndim != 4 or not x.is_floating_point():
            raise ValueError(f"{self.name} takes a float tensor of shape (N, C, H, W), got {describe(x)}")
        return _value(self, check_precision(x, name="x"))

    def __add__(self, other: Energy) -> WeightedSum:
        if not isinstance(other, Energy):
            return NotImplemented
        return WeightedSum([*weighted_terms(self), *weighted_terms(other)])

    def __radd__(self, other: object) -> Energy:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # what `sum` starts from

    def __mul__(self, weight: Weight) -> WeightedSum:
        if isinstance(weight, Energy):
            raise ValueError("energies add and scale; a product of two energies is not an energy")
        weight = check_weight(weight)
        return WeightedSum([(weight * own, energy) for own, energy in weighted_terms(self)])

    __rmul__ = __mul__

    def __truediv__(self, divisor: Weight) -> WeightedSum:
        """The energy with the weight 1 / divisor, a number above 0 or one per image."""
        if isinstance(divisor, Energy):
            raise ValueError("energies add and scale; a quotient of two energies is not an energy")
        return self * check_positive(divisor, name="divisor") ** -1

    def __matmul__(self, operator: Operator | Callable) -> Energy:
        """The energy on a representation: `(prior @ phi)(x) = prior(phi(x))`."""
        if not callable(operator) or isinstance(operator, Energy):
            return NotImplemented
        return OfRepresentation(self, operator)


class WeightedSum(Energy):
    """sum_i weight_i * energy_i(x), flat: each weight is a float or one number per image `(N,)`.

    Terms that look through the same network share one pass, so the graphs of the shares hang together.
    """

    def __init__(self, weighted: list[tuple[Weight, Energy]]) -> None:
        self.weighted = list(weighted)

    @property
    def name(self) -> str:
        return " + ".join(energy.name for _, energy in self.weighted)

    @property
    def smooth(self) -> bool:
        return all(energy.smooth for _, energy in self.weighted)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        with one_evaluation():
            return sum(times(weight, _value(energy, x)) for weight, energy in self.weighted)

    def terms(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        shares: dict[str, torch.Tensor] = {}
        with one_evaluation():
            for weight, energy in self.weighted:
                name, count = energy.name, 2
                while name in shares:
                    name, count = f"{energy.name} {count}", count + 1
                shares[name] = times(weight, energy(x))
        return shares

    @property
    def has_prox(self) -> bool:
        return len(self.weighted) == 1 and self.weighted[0][1].has_prox

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        if not self.has_prox:
            raise NotImplementedError(f"{self.name}: a sum of several terms has no proximal step; use ADMM")
        weight, energy = self.weighted[0]
        return energy.prox(v, step * weight)

    def __matmul__(self, operator: Operator | Callable) -> Energy:
        """Each term on the representation, so that each keeps its name and its closed form."""
        if not callable(operator) or isinstance(operator, Energy):
            return NotImplemented
        return WeightedSum([(weight, energy @ operator) for weight, energy in self.weighted])


def weighted_terms(energy: Energy) -> list[tuple[Weight, Energy]]:
    """The energy as a flat list of (weight, term); a single term has weight 1."""
    return energy.weighted if isinstance(energy, WeightedSum) else [(1.0, energy)]


def _value(energy: Energy, x: torch.Tensor) -> torch.Tensor:
    """The energy of each image; whatever `value` of a subclass gives, it is one number per image or refused."""
    values = energy.value(x)
    if not isinstance(values, torch.Tensor) or values.shape != x.shape[:1]:
        raise ValueError(
            f"{type(energy).__name__}.value must give one number per image, shape ({x.shape[0]},); "
            f"got {describe(values)}"
        )
    return values


def times(weight: Weight, values: torch.Tensor) -> torch.Tensor:
    """The weight times one value per image, in the precision of the values.

    Raises `ValueError` for weights that are neither one nor as many as the images.
    """
    if isinstance(weight, torch.Tensor):
        if weight.shape[0] not in (1, values.shape[0]):
            raise ValueError(f"{weight.shape[0]} weights were given for a batch of {values.shape[0]} images")
        weight = weight.to(values)
    return weight * values


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

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return _value(self.energy, self.phi(x))

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
