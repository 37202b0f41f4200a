"""What an energy answers when a solver asks: its value, its proximal steps, its score, its closed form.

A solver knows an energy by these verbs alone and never by its class, so a new energy changes no solver. Taught in
chapter 10_map.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import class_words
from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.operators.base import Identity, LinearOperator

Weight = float | torch.Tensor
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Quadratic:
    """An energy written as precision / 2 * ||operator(x) - target||^2, for solvers that use closed forms.

    Where the target is complex, the norm is that of complex numbers, |r|^2 = (real part)^2 + (imaginary part)^2.
    """

    operator: LinearOperator
    target: torch.Tensor | float
    precision: Weight


@dataclass(frozen=True)
class InexactProx:
    """A proximal step found by iterations, and how far they came, for each image."""

    x: torch.Tensor  # (N, C, H, W)
    gap: torch.Tensor  # (N,), duality gap over primal value: gap * primal bounds 1/2 ||x - exact||^2
    primal: torch.Tensor  # (N,), 1/2 ||x - v||^2 + step R(x)
    state: torch.Tensor  # (N, ...), where the next one may start
    resolution: float  # the smallest relative gap that rounding leaves to see in this precision


class Answers:
    r"""The verbs of an energy R. A subclass defines `value`, and whichever of the others it has; `has_*` says which.

    - `value(x)`, and `smooth`: whether its gradient exists everywhere.
    - `prox(v, step)`: argmin over x of 1/2 ||x - v||^2 + step R(x); `bounded_prox` the same within bounds, which a
      convex R of each value by itself has from `prox` (`separable = True`); `inexact_prox` by iterations that stop at
      a gap and may start where others ended.
    - `split()`: R(x) = f(K x) with f proximable. `quadratic()`: R as one squared norm.
    - `score(x)`: minus the gradient, or the direction of a denoiser that has no value. `denoised(v)`: D(v) of a
      denoiser, which then also has the level `sigma` that it removes.
    - `posterior_mean(y, sigma)`: the mean of x ~ exp(-R) given y = x + sigma n, at any level: what samplers ask.
    - `nonnegative`: R is infinite where x is below zero, so that gradient steps get stuck there.

    Shapes: x and v `(N, C, H, W)` as checked by the caller; `step` is a float or `(N,)`. A verb that an energy lacks
    raises `NotImplementedError`. Source of the proximal verbs: Parikh & Boyd (2014), sections 1.1 and 2.2.
    """

    smooth = True
    separable = False
    nonnegative = False
    prox_gap: float | None = None  # where the step comes by iterations: the relative gap at which `prox` stops

    @property
    def name(self) -> str:
        """The energy's name in reports and traces."""
        return class_words(self)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The energy of each image, shape `(N,)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define value")

    @property
    def has_value(self) -> bool:
        """Whether the energy can be evaluated; a score alone cannot."""
        return type(self).value is not Answers.value

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """argmin_x of 1/2 ||x - v||^2 + step * R(x), per image; `step` a float or `(N,)`."""
        if self.has_inexact_prox:
            return self.inexact_prox(v, step).x
        raise NotImplementedError(
            f"{self.name} has no proximal step" + ("; it is smooth, use its gradient" if self.smooth else "")
        )

    @property
    def has_prox(self) -> bool:
        """Whether `prox` is defined."""
        return type(self).prox is not Answers.prox or self.has_inexact_prox

    def bounded_prox(self, v: torch.Tensor, step: Weight, bounds: Bounds) -> torch.Tensor:
        """argmin over low <= x <= high of 1/2 ||x - v||^2 + step * R(x), with `bounds` = (low, high)."""
        if self.has_inexact_prox:
            return self.inexact_prox(v, step, bounds=bounds).x
        if self.separable:  # a convex function of one value falls towards its minimum: cutting off is exact
            return self.prox(v, step).clamp(*bounds)
        raise NotImplementedError(f"the proximal step of {self.name} within bounds is not known")

    @property
    def has_bounded_prox(self) -> bool:
        """Whether `bounded_prox` is defined."""
        own = type(self).bounded_prox is not Answers.bounded_prox
        return self.has_prox and (own or self.separable or self.has_inexact_prox)

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
        """The proximal step by iterations, within `bounds` where given, and how far they came.

        They stop at the relative duality gap `gap`, a float or `(N,)` (None: `prox_gap`), or after `steps` (None: the
        energy's own limit), each image by itself. `start` is the `state` of another result, of these images.
        """
        raise NotImplementedError(f"{self.name} has no proximal step by iterations")

    @property
    def has_inexact_prox(self) -> bool:
        """Whether the proximal step comes by iterations; `prox_gap` is then a number."""
        return type(self).inexact_prox is not Answers.inexact_prox

    def split(self) -> tuple[LinearOperator, Answers]:
        """(K, f) with R(x) = f(K x) and f proximable in closed form. By default K is the identity."""
        return Identity(), self

    def quadratic(self) -> Quadratic | None:
        """The energy as one squared norm, or None where it is not quadratic."""
        return None

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Minus the gradient of R at `x`, per image, in the shape of `x`: by autograd, for which it is a constant.

        For a likelihood or prior in nats it is the gradient of the log-density. A subclass may know it in closed form,
        and a denoiser has it without an R. Raises `NotImplementedError` where R has kinks or no value, `ValueError`
        where autograd does not see that R depends on x, and inside of `torch.inference_mode()`.
        """
        if not self.has_score:
            why = "kinks, and so no gradient everywhere" if self.has_value else "neither a value nor a score"
            raise NotImplementedError(f"{self.name} has {why}")
        check_differentiable("a score")
        with torch.enable_grad():
            at = x.detach().clone().requires_grad_()
            values = self.value(at)
            check_depends({self.name: values}, [at], on="x")
            return -torch.autograd.grad(values.sum(), at)[0]

    @property
    def has_score(self) -> bool:
        """Whether `score` is defined."""
        return type(self).score is not Answers.score or (self.has_value and self.smooth)

    def denoised(self, v: torch.Tensor) -> torch.Tensor:
        """D(v): the images `v` without noise of the level `sigma`, which the energy then has."""
        raise NotImplementedError(f"{self.name} is no denoiser")

    @property
    def has_denoiser(self) -> bool:
        """Whether `denoised` is defined."""
        return type(self).denoised is not Answers.denoised

    def posterior_mean(self, y: torch.Tensor, sigma: float) -> torch.Tensor:
        """The mean of x, of density exp(-R), given y = x + sigma n with white noise n, in the shape of `y`."""
        raise NotImplementedError(f"the mean of {self.name} under noise is not known")

    @property
    def has_posterior_mean(self) -> bool:
        """Whether `posterior_mean` is defined."""
        return type(self).posterior_mean is not Answers.posterior_mean
