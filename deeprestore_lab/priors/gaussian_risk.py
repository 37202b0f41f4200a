r"""The best weight of a quadratic prior, exactly: risks in closed form on the solvable world. Taught in chapter 10_map.

The estimator is the linear one that `minimise` finds for a Gaussian likelihood and a quadratic stationary prior,

    xhat(y) = argmin ||A x - y||^2 / (2 sigma^2) + weight / 2 (x - m)^T Q (x - m)
            = m + (A^T A + weight sigma^2 Q)^-1 A^T (y - A m),

with A^T A and Q diagonal in the Fourier basis: eigenvalues t and q at each frequency. Where the image was drawn from
a field whose precision is Q and whose mean is m, the best weight is 1.
"""

import math
from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import (
    check_choice,
    check_images,
    check_level,
    check_positive,
    check_units,
    check_weight,
    describe,
)
from deeprestore_lab.operators import LinearOperator
from deeprestore_lab.operators.fourier_filter import check_response
from deeprestore_lab.priors.gaussian_field import StationaryField
from deeprestore_lab.signal.convolution import frequency_counts

SPACES = ("image", "measurement")


class QuadraticEstimator:
    """xhat(y) of the equation above, with its risk, Stein's estimate of the risk, and its best weights.

    `operator` has A^T A diagonal in the Fourier basis (the identity, circular blurs). `prior` is Q's eigenvalues, at
    least 0, `(H, W // 2 + 1)` or with channels before them, or a `StationaryField` that brings its precision and mean.
    `size` is (H, W), `prior_mean` a number or a tensor that broadcasts to (C, H, W); neither is needed with a field.
    All is computed in float64; images come back in the precision of y. Raises `ValueError` for an operator without
    Fourier eigenvalues, where neither the operator nor the prior sees a frequency, and, where A x is an image, for a
    `sigma` above 1 or measurements up to 255.
    """

    def __init__(
        self,
        operator: LinearOperator,
        prior: torch.Tensor | StationaryField,
        *,
        sigma: float,
        size: tuple[int, int] | None = None,
        prior_mean: float | torch.Tensor | None = None,
    ) -> None:
        if isinstance(prior, StationaryField):
            size, prior_mean = prior.size, prior.mean if prior_mean is None else prior_mean
            prior = 1 / prior.spectrum
        if size is None:
            raise ValueError("size (H, W) is needed where the prior is given by its eigenvalues")
        self.pictures = getattr(operator, "image_units", False)
        sigma = (check_level if self.pictures else check_positive)(sigma, name="sigma", single=True)
        self.operator, self.size, self.sigma = operator, tuple(size), sigma
        self.precision = check_response(prior, self.size, name="prior").to("cpu", torch.float64)  # q
        if (self.precision < 0).any():
            raise ValueError(f"prior must have eigenvalues of at least 0, its smallest is {self.precision.min():.3g}")
        self.mean = torch.as_tensor(0.5 if prior_mean is None else prior_mean, dtype=torch.float64, device="cpu")
        channels = max(self.precision.shape[0], *(self.mean.shape[-3:-2] or (1,)))
        sample = torch.zeros(1, channels, *self.size, dtype=torch.float64)
        eigenvalues = operator.normal_eigenvalues(sample, "fft") if isinstance(operator, LinearOperator) else None
        if eigenvalues is None:
            raise ValueError(f"{operator!r} is not diagonal in the Fourier basis: use a circular operator")
        self.measured = eigenvalues[0].expand(eigenvalues.shape[1], self.size[0], self.size[1] // 2 + 1)  # t
        if ((self.measured + self.precision) <= 0).any():
            raise ValueError("neither the operator nor the prior sees some frequency: the estimate is not unique")

    def _parts(self, weight: float) -> tuple[torch.Tensor, torch.Tensor]:
        """t + weight sigma^2 q, and the share of (x - m) that is lost at each frequency."""
        lost = float(check_weight(weight)) * self.sigma**2 * self.precision
        total = self.measured + lost
        if (total <= 0).any():
            raise ValueError("with the weight 0 some frequency is not seen: the estimate is not unique")
        return total, lost / total

    def _sum(self, spectrum: torch.Tensor) -> torch.Tensor:
        """The sum over all channels and all H W frequencies."""
        return (frequency_counts(self.size[1]) * spectrum).sum((-3, -2, -1))

    def _measurement(self, y: torch.Tensor) -> torch.Tensor:
        """y in float64, of whatever shape the operator gives; where it gives pictures, in their units."""
        if self.pictures:
            check_units(y, name="y")
        elif not isinstance(y, torch.Tensor) or not y.is_floating_point():
            raise ValueError(f"y must be a float tensor, as the operator gives it, got {describe(y)}")
        return y.detach().to("cpu", torch.float64)

    def _back(self, y: torch.Tensor) -> torch.Tensor:
        """The DFT of A^T (y - A m), `(N, C, H, W // 2 + 1)`."""
        back = self.operator.adjoint(self._measurement(y))
        known = max(self.precision.shape[0], self.measured.shape[0])
        if known not in (1, back.shape[1]):
            raise ValueError(f"the estimator is for images of {known} channels, got {describe(y)}")
        mean = self.mean.expand(1, *back.shape[1:])
        return torch.fft.rfft2(back - self.operator.adjoint(self.operator.apply(mean)))

    def estimate(self, y: torch.Tensor, weight: float) -> torch.Tensor:
        """xhat(y), `(N, C, H, W)`."""
        spectrum = self._back(y) / self._parts(weight)[0]
        return (self.mean + torch.fft.irfft2(spectrum, s=self.size)).to(y)

    def expected_squared_error(self, field: StationaryField, weight: float, *, space: str = "image") -> float:
        """E ||xhat(y) - x||^2 over x from `field` and the noise, a sum over the values of one image.

        `space` "measurement": E ||A xhat(y) - A x||^2, what Stein's estimate aims at. Divide by the number of values
        for the mean squared error.
        """
        check_choice(space, SPACES, name="space")
        total, lost = self._parts(weight)
        error = lost.square() * self._offset_power(field) + self.sigma**2 * self.measured / total.square()
        error = error if space == "image" else error * self.measured
        return float(self._sum(error.expand_as(field.spectrum)))

    def degrees_of_freedom(self, weight: float, *, channels: int = 1) -> float:
        """The trace of y -> A xhat(y): the divergence in Stein's estimate, for images of `channels` channels."""
        share = self.measured / self._parts(weight)[0]
        if len(share) not in (1, channels):
            raise ValueError(f"the estimator is for images of {len(share)} channels, got channels={channels!r}")
        return float(self._sum(share.expand(channels, -1, -1)))

    def sure(self, y: torch.Tensor, weight: float) -> torch.Tensor:
        """Stein's unbiased estimate of ||A xhat(y) - A x||^2, `(N,)`: ||A xhat - y||^2 - M sigma^2 + 2 sigma^2 df."""
        exact = self._measurement(y)
        estimate = self.estimate(exact, weight)
        residual = (self.operator.apply(estimate) - exact).square().flatten(1).sum(1)
        freedom = self.degrees_of_freedom(weight, channels=estimate.shape[1])
        return (residual + self.sigma**2 * (2 * freedom - math.prod(y.shape[1:]))).to(y)

    def best_weight(self, field: StationaryField) -> float:
        """The weight with the smallest expected squared error over images from `field`.

        Where q (S + offset) is the same at every frequency that counts, in closed form: 1 for the field's own prior.
        Else by the sign changes of the exact derivative, which lie between the smallest and the largest of those.
        """
        power, noise = self._offset_power(field), self.sigma**2
        measured, precision = (part.expand_as(power) for part in (self.measured, self.precision))
        counts = (measured > 0) & (precision > 0)
        if not counts.any():
            raise ValueError("the weight has no effect: the prior sees no frequency that the operator measures")
        ideal = 1 / (precision * power)[counts]
        low, high = float(ideal.min()), float(ideal.max())
        if high <= low * (1 + 1e-9):
            return (low * high) ** 0.5

        def slope(weight: float) -> float:
            step = (weight * precision * power - 1) * precision * measured
            return float(self._sum(step / (measured + weight * noise * precision).clamp_min(1e-300) ** 3))

        return _minimum(lambda weight: self.expected_squared_error(field, weight), slope, low, high)

    def best_weight_for(
        self, x: torch.Tensor, y: torch.Tensor, *, low: float = 1e-6, high: float = 1e6
    ) -> torch.Tensor:
        """The weight in [low, high] with the smallest ||xhat(y) - x||^2 for each image, `(N,)`: it knows the truth."""
        (check_units if self.pictures else check_images)(x)
        truth = torch.fft.rfft2(x.detach().to("cpu", torch.float64) - self.mean)
        back = self._back(y)
        if truth.shape != back.shape:
            raise ValueError(f"x is {describe(x)} but y belongs to images of shape {tuple(back.shape)}")
        weights = [self._best_weight_alone(t, b, low, high) for t, b in zip(truth, back, strict=True)]
        return torch.tensor(weights, dtype=torch.float64).to(y)

    def _best_weight_alone(self, truth: torch.Tensor, back: torch.Tensor, low: float, high: float) -> float:
        def error(weight: float) -> float:
            return float(self._sum((back / self._parts(weight)[0] - truth).abs().square()))

        def slope(weight: float) -> float:
            total = self._parts(weight)[0]
            change = -self.precision * back / total.square()
            return float(self._sum(((back / total - truth) * change.conj()).real))

        return _minimum(error, slope, low, high)

    def _offset_power(self, field: StationaryField) -> torch.Tensor:
        """E |DFT(x - m)|^2 / (H W) at each frequency, `(C, H, W // 2 + 1)`."""
        if field.size != self.size:
            raise ValueError(f"the estimator is for images of {self.size}, the field has {field.size}")
        offset = torch.fft.rfft2(field.mean[0] - self.mean.expand(1, *field.shape)[0])
        return field.spectrum + offset.abs().square() / math.prod(self.size)


def _minimum(value: Callable[[float], float], slope: Callable[[float], float], low: float, high: float) -> float:
    """The lowest of both ends and of the minima between: sign changes of `slope` on 200 points, then bisection."""
    points = torch.logspace(math.log10(low), math.log10(high), 200, dtype=torch.float64).tolist()
    points[0], points[-1] = low, high
    slopes = [slope(point) for point in points]
    found = [low, high]
    for left, right, before, after in zip(points, points[1:], slopes, slopes[1:], strict=False):
        if before < 0 <= after:
            while right > left * (1 + 1e-13):
                middle = (left * right) ** 0.5
                if not left < middle < right:
                    break
                left, right = (middle, right) if slope(middle) < 0 else (left, middle)
            found.append((left * right) ** 0.5)
    return min(found, key=value)
