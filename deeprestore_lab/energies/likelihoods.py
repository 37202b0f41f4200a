"""Likelihoods: what a measurement says about an image, for Gaussian, Laplace and Poisson noise."""

from copy import copy

import torch

from deeprestore_lab.core.checks import (
    check_level,
    check_not_negative,
    check_positive,
    check_units,
    describe,
    per_image,
    rounding,
)
from deeprestore_lab.energies.answers import Quadratic, Weight
from deeprestore_lab.energies.base import Energy
from deeprestore_lab.energies.shapes import check_batch, check_fit, squared_norm
from deeprestore_lab.energies.shares import weighted_values
from deeprestore_lab.operators.base import Identity, LinearOperator, Operator


class Likelihood(Energy):
    """-log p(y | A x), less its value at a perfect fit: what the measurement `y` says about the image.

    Raises `ValueError` for an operator that cannot be called, and for a `y` that is no batch, is not finite, or has not
    the shape or the units of images where A x has.
    """

    def __init__(self, operator: Operator, y: torch.Tensor) -> None:
        if not callable(operator):
            raise ValueError(f"operator must be callable, got {describe(operator)}")
        check_batch(y, name="y")
        self.image_units = getattr(operator, "image_units", False) and y.ndim != 2  # codes have no units
        if self.image_units and y.ndim != 4:
            raise ValueError(f"y must be an image batch (N, C, H, W), as A x is, got {describe(y)}")
        if self.image_units:
            check_units(y, name="y")
        if not torch.isfinite(y).all():
            raise ValueError(
                "y holds values that are not finite; where they are missing, give y.nan_to_num(0, 0, 0) and a Mask of "
                "what was seen: alone as the operator, or after it as mask @ A"
            )
        self.operator, self.y = operator, y

    def predicted(self, x: torch.Tensor) -> torch.Tensor:
        """A x, checked against the shape of `y` (whose batch may be 1).

        Raises `ValueError` where the shapes do not fit.
        """
        return check_fit(self.operator(x), self.y, names=("A x", "the measurement y"))

    def measured(self, like: torch.Tensor) -> torch.Tensor:
        """`y` in the precision and on the device of `like`."""
        return self.y.to(like)

    def _beside(self, level: Weight) -> Weight:
        """A level for each image, brought to where `y` is: once, and not at each evaluation."""
        return level.to(self.y.device) if isinstance(level, torch.Tensor) else level


class GaussianLikelihood(Likelihood):
    r"""-log N(y; A x, sigma^2 I) without its constant: ||A x - y||^2 / (2 sigma^2), in nats.

    Shapes: x `(N, C, H, W)` in [0, 1] units, y as A x (batch N or 1), value `(N,)`, a sum over values.
    `sigma` is the noise level in the units of x, a float or `(N,)`; at most 1 where A x is an image (the identity,
    masks, blurs, smaller pictures). Where y is complex, ||r||^2 is the sum of |r|^2: circular noise, whose real and
    imaginary part each have the level sigma. Raises `ValueError` for a shape or a noise level that does not fit.
    Taught in chapter 10_map.

    >>> x = torch.full((1, 1, 2, 2), 0.5)
    >>> float(GaussianLikelihood(Identity(), x + 0.1, sigma=0.1)(x))  # four values, one sigma off: 4 / 2
    2.0
    """

    def __init__(self, operator: Operator, y: torch.Tensor, *, sigma: Weight) -> None:
        super().__init__(operator, y)
        self.sigma = self._beside(check_level(sigma) if self.image_units else check_positive(sigma, name="sigma"))

    @property
    def precision(self) -> Weight:
        """1 / sigma^2."""
        return self.sigma**-2

    def value(self, x: torch.Tensor) -> torch.Tensor:
        predicted = self.predicted(x)
        return weighted_values(self.sigma**-2, squared_norm(predicted - self.y.to(predicted))) / 2

    def quadratic(self) -> Quadratic | None:
        if not isinstance(self.operator, LinearOperator):
            return None
        return Quadratic(self.operator, self.y, self.precision)


class SeparableLikelihood(Likelihood):
    """A likelihood whose noise acts on each value by itself, with a proximal step in closed form where A x = x.

    A subclass defines `denoise`; for any other linear A, `split` gives A and the same likelihood of the identity.
    """

    separable = True

    def denoise(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """The proximal step where A is the identity."""
        raise NotImplementedError(f"{type(self).__name__} does not define denoise")

    @property
    def has_prox(self) -> bool:
        return isinstance(self.operator, Identity)

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        if not self.has_prox:
            raise NotImplementedError(f"{self.name} has a proximal step for the identity operator only; use ADMM")
        return self.denoise(v, step)

    def split(self) -> tuple[LinearOperator, Energy]:
        if not isinstance(self.operator, LinearOperator):
            return Identity(), self
        direct = copy(self)
        direct.operator = Identity()
        return self.operator, direct


class LaplaceLikelihood(SeparableLikelihood):
    r"""-log of Laplace noise without its constant: ||A x - y||_1 / scale, in nats.

    `scale` is b of the density exp(-|n| / b) / (2 b), whose standard deviation is sqrt(2) b, in the units of
    x. Shapes as in `GaussianLikelihood`. Where y is complex, ||r||_1 is the sum of the moduli |r|. The energy has a
    kink where A x = y. Raises `ValueError` for a shape or a scale that does not fit. Taught in chapter 10_map.
    """

    smooth = False

    def __init__(self, operator: Operator, y: torch.Tensor, *, scale: Weight) -> None:
        super().__init__(operator, y)
        checked = check_level(scale, name="scale") if self.image_units else check_positive(scale, name="scale")
        self.scale = self._beside(checked)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        predicted = self.predicted(x)
        return weighted_values(self.scale**-1, (predicted - self.measured(predicted)).abs().flatten(1).sum(1))

    def denoise(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        y = self.measured(v)
        residual = v - y
        threshold = per_image(step * self.scale**-1, residual.real)
        return y + residual.sgn() * (residual.abs() - threshold).clamp_min(0)


class PoissonLikelihood(SeparableLikelihood):
    r"""-log of Poisson counts, less its value at a perfect fit: sum of k log(k / m) - k + m, in nats.

    Here m = peak * A x is the expected count and k = peak * y the count that was seen (the generalised
    Kullback-Leibler divergence). `peak` is the expected count of a white pixel. Means at or below zero give
    infinity where something was seen, and below zero where nothing was; there, what rounding leaves below (as a blur
    by FFT does) counts as zero. Shapes as in `GaussianLikelihood`. Raises `ValueError` for a `y` below 0. Taught in
    chapter 10_map.
    """

    nonnegative = True

    def __init__(self, operator: Operator, y: torch.Tensor, *, peak: float) -> None:
        super().__init__(operator, y)
        if y.is_complex():
            raise ValueError(f"y holds counts, which are real, got {describe(y)}")
        self.peak = self._beside(check_positive(peak, name="peak"))
        self.y = check_not_negative(y, name="y (counts divided by the peak)")

    def value(self, x: torch.Tensor) -> torch.Tensor:
        mean = self.predicted(x)
        y = self.measured(mean)
        # Counts that were not seen cost their mean alone: no logarithm there, whose gradient would be 0 / 0.
        logarithm = torch.where(y > 0, mean, 1.0).clamp_min(0).log()
        cost = torch.xlogy(y, y) - y * logarithm - y + mean
        cost = torch.where(mean < -rounding(mean), torch.inf, cost)
        return weighted_values(self.peak, cost.flatten(1).sum(1))

    def denoise(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        scaled = per_image(step * self.peak, v)
        shifted, product = v - scaled, scaled * self.measured(v)  # the positive root of x^2 - (v - t) x - t y = 0
        far = (shifted.abs() + (shifted.square() + 4 * product).sqrt()) / 2  # the size of the other one, where v < t
        return torch.where(shifted > 0, far, product / far.clamp_min(torch.finfo(v.dtype).tiny))  # nothing cancels
