"""Energies: the terms of E(A x, y) + sum_i lambda_i R_i(x), one number per image, in nats for likelihoods.

An energy is a callable `(N, C, H, W) -> (N,)`, a sum over pixels. Energies add and scale, so the whole
equation is written as it reads: `data + 0.5 * prior`. Taught in chapter 10_map.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.checks import check_positive, check_weight, describe, per_image
from deeprestore_lab.operators.base import Identity, LinearOperator, Operator, compose

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
    """

    smooth = True
    __array_ufunc__ = None  # numpy scalars then leave `weight * energy` to this class

    @property
    def name(self) -> str:
        """The energy's name in reports and traces."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()

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
        return _value(self, x)

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

    def __matmul__(self, operator: Operator | Callable) -> Energy:
        """The energy on a representation: `(prior @ phi)(x) = prior(phi(x))`."""
        if not callable(operator) or isinstance(operator, Energy):
            return NotImplemented
        return OfRepresentation(self, operator)


class WeightedSum(Energy):
    """sum_i weight_i * energy_i(x), flat: each weight is a float or one number per image `(N,)`."""

    def __init__(self, weighted: list[tuple[Weight, Energy]]) -> None:
        self.weighted = list(weighted)

    @property
    def name(self) -> str:
        return " + ".join(energy.name for _, energy in self.weighted)

    @property
    def smooth(self) -> bool:
        return all(energy.smooth for _, energy in self.weighted)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return sum(_times(weight, _value(energy, x)) for weight, energy in self.weighted)

    def terms(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        shares: dict[str, torch.Tensor] = {}
        for weight, energy in self.weighted:
            name, count = energy.name, 2
            while name in shares:
                name, count = f"{energy.name} {count}", count + 1
            shares[name] = _times(weight, energy(x))
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


def _times(weight: Weight, values: torch.Tensor) -> torch.Tensor:
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


class Likelihood(Energy):
    """-log p(y | A x), less its value at a perfect fit: what the measurement `y` says about the image."""

    def __init__(self, operator: Operator, y: torch.Tensor) -> None:
        if not callable(operator):
            raise ValueError(f"operator must be callable, got {describe(operator)}")
        _check_batch(y, name="y")
        if not torch.isfinite(y).all():
            raise ValueError("y holds values that are not finite; mask missing values with an operator instead")
        self.operator, self.y = operator, y

    def predicted(self, x: torch.Tensor) -> torch.Tensor:
        """A x, checked against the shape of `y` (whose batch may be 1)."""
        return _check_fit(self.operator(x), self.y, names=("A x", "the measurement y"))

    def measured(self, like: torch.Tensor) -> torch.Tensor:
        """`y` in the precision and on the device of `like`."""
        return self.y.to(like)


def _check_batch(y: torch.Tensor, *, name: str) -> None:
    if not isinstance(y, torch.Tensor) or not y.is_floating_point() or y.ndim < 2:
        raise ValueError(f"{name} must be a float tensor with a batch dimension, got {describe(y)}")


def _check_fit(predicted: torch.Tensor, y: torch.Tensor, *, names: tuple[str, str]) -> torch.Tensor:
    """Return `predicted` if `y` has its shape, or that with a batch of 1."""
    if predicted.shape[1:] != y.shape[1:] or y.shape[0] not in (1, predicted.shape[0]):
        raise ValueError(f"{names[0]} has shape {tuple(predicted.shape)} but {names[1]} has shape {tuple(y.shape)}")
    return predicted


class GaussianLikelihood(Likelihood):
    r"""-log N(y; A x, sigma^2 I) without its constant: ||A x - y||^2 / (2 sigma^2), in nats.

    Shapes: x `(N, C, H, W)` in [0, 1] units, y as A x (batch N or 1), value `(N,)`, a sum over values.
    `sigma` is the noise level in the units of x, a float or `(N,)`. Raises `ValueError` for a shape or a
    noise level that does not fit. Taught in chapter 10_map.

    >>> x = torch.full((1, 1, 2, 2), 0.5)
    >>> float(GaussianLikelihood(Identity(), x + 0.1, sigma=0.1)(x))  # four values, one sigma off: 4 / 2
    2.0
    """

    def __init__(self, operator: Operator, y: torch.Tensor, *, sigma: Weight) -> None:
        super().__init__(operator, y)
        self.sigma = check_positive(sigma, name="sigma")

    @property
    def precision(self) -> Weight:
        """1 / sigma^2."""
        return self.sigma**-2

    def value(self, x: torch.Tensor) -> torch.Tensor:
        predicted = self.predicted(x)
        squared = (predicted - self.measured(predicted)).square().flatten(1).sum(1)
        return _times(self.precision, squared) / 2

    def quadratic(self) -> Quadratic | None:
        if not isinstance(self.operator, LinearOperator):
            return None
        return Quadratic(self.operator, self.y, self.precision)


class LaplaceLikelihood(Likelihood):
    r"""-log of Laplace noise without its constant: ||A x - y||_1 / scale, in nats.

    `scale` is b of the density exp(-|n| / b) / (2 b), whose standard deviation is sqrt(2) b, in the units of
    x. Shapes as in `GaussianLikelihood`. The energy has a kink where A x = y. Taught in chapter 10_map.
    """

    smooth = False

    def __init__(self, operator: Operator, y: torch.Tensor, *, scale: Weight) -> None:
        super().__init__(operator, y)
        self.scale = check_positive(scale, name="scale")

    def value(self, x: torch.Tensor) -> torch.Tensor:
        predicted = self.predicted(x)
        return _times(self.scale**-1, (predicted - self.measured(predicted)).abs().flatten(1).sum(1))

    @property
    def has_prox(self) -> bool:
        return isinstance(self.operator, Identity)

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        if not self.has_prox:
            raise NotImplementedError(f"{self.name} has a proximal step for the identity operator only; use ADMM")
        threshold = per_image(step * self.scale**-1, v)
        y = self.measured(v)
        residual = v - y
        return y + residual.sign() * (residual.abs() - threshold).clamp_min(0)

    def split(self) -> tuple[LinearOperator, Energy]:
        if not isinstance(self.operator, LinearOperator):
            return Identity(), self
        return self.operator, LaplaceLikelihood(Identity(), self.y, scale=self.scale)


class PoissonLikelihood(Likelihood):
    r"""-log of Poisson counts, less its value at a perfect fit: sum of k log(k / m) - k + m, in nats.

    Here m = peak * A x is the expected count and k = peak * y the count that was seen (the generalised
    Kullback-Leibler divergence). `peak` is the expected count of a white pixel. Means at or below zero give
    infinity where something was seen. Shapes as in `GaussianLikelihood`. Taught in chapter 10_map.
    """

    def __init__(self, operator: Operator, y: torch.Tensor, *, peak: float) -> None:
        super().__init__(operator, y)
        self.peak = check_positive(peak, name="peak")
        if (y < 0).any():
            raise ValueError(f"y must hold counts divided by the peak, none below 0; its smallest is {y.min():.3g}")

    def value(self, x: torch.Tensor) -> torch.Tensor:
        mean = self.predicted(x)
        # Counts that were not seen cost their mean alone; xlogy is 0 there, and a mean below 0 is impossible.
        y = self.measured(mean)
        log_ratio = torch.xlogy(y, y) - torch.xlogy(y, mean.clamp_min(0))
        cost = log_ratio - y + mean
        cost = torch.where(mean < 0, torch.inf, cost)
        return _times(self.peak, cost.flatten(1).sum(1))

    @property
    def has_prox(self) -> bool:
        return isinstance(self.operator, Identity)

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        if not self.has_prox:
            raise NotImplementedError(f"{self.name} has a proximal step for the identity operator only; use ADMM")
        scaled = per_image(step * self.peak, v)
        shifted = v - scaled  # the positive root of x^2 - (v - t) x - t y = 0
        return (shifted + (shifted.square() + 4 * scaled * self.measured(v)).sqrt()) / 2

    def split(self) -> tuple[LinearOperator, Energy]:
        if not isinstance(self.operator, LinearOperator):
            return Identity(), self
        return self.operator, PoissonLikelihood(Identity(), self.y, peak=self.peak)


class RepresentationError(Energy):
    r"""||phi(x) - target||^2 / ||target||^2: how far a representation is from the one asked for.

    The normalised error of Mahendran & Vedaldi (2015), equation 2, without its square root. `target` is
    `phi` of some image, `(N, ...)` or of batch 1; the value is `(N,)`, each sum over all values of a representation.
    Not in nats: 1 is the error of a representation of zeros. Raises `ValueError` for a target that is no batch of
    finite values with one other than zero, or of another shape than phi(x). Taught in chapter 09_preimages.

    >>> target = torch.full((1, 1, 2, 2), 0.5)
    >>> float(RepresentationError(Identity(), target)(2 * target))
    1.0
    """

    def __init__(self, phi: Operator | Callable, target: torch.Tensor) -> None:
        if not callable(phi):
            raise ValueError(f"phi must be callable, got {describe(phi)}")
        _check_batch(target, name="target")
        self.phi, self.target = phi, target.detach()
        self.scale = self.target.square().flatten(1).sum(1)
        if not (self.scale > 0).all() or not torch.isfinite(self.scale).all():
            raise ValueError(
                "target must be finite and not all zero for any image: its norm is what the error is divided by"
            )

    def value(self, x: torch.Tensor) -> torch.Tensor:
        seen = _check_fit(self.phi(x), self.target, names=("phi(x)", "the target"))
        error = (seen - self.target.to(seen)).square().flatten(1).sum(1)
        return error / self.scale.to(error)

    def quadratic(self) -> Quadratic | None:
        if not isinstance(self.phi, LinearOperator):
            return None
        return Quadratic(self.phi, self.target, 2 / self.scale)
