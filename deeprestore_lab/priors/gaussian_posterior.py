r"""The posterior of a Gaussian field under a linear operator and Gaussian noise, exactly. Taught in chapter 10_map.

For x ~ N(mu, C) and y = A x + n, n ~ N(0, sigma^2 I), with r = y - A mu:

    p(x | y) = N(mu + V A^T r / sigma^2, V),   V = (C^-1 + A^T A / sigma^2)^-1
    log p(y) = log N(y; A mu, A C A^T + sigma^2 I)
"""

import math
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_level, check_positive, check_seed, check_units, check_whole, describe
from deeprestore_lab.energies.shapes import check_batch, squared_norm
from deeprestore_lab.operators import LinearOperator, as_matrix
from deeprestore_lab.operators.matrix import LARGEST
from deeprestore_lab.priors.dense_field import DenseField
from deeprestore_lab.priors.gaussian_field import GaussianField, StationaryField
from deeprestore_lab.signal.convolution import frequency_counts


@dataclass(frozen=True)
class GaussianPosterior:
    """p(x | y) for each measurement of a batch; computed in float64, given in the precision and on the device of y."""

    field: GaussianField  # its mean is (N, C, H, W): one posterior mean for each measurement
    y: torch.Tensor
    log_evidence: torch.Tensor  # (N,), log p(y) in nats with its constant

    @property
    def mean(self) -> torch.Tensor:
        """The posterior mean, `(N, C, H, W)`: the best estimate in squared error."""
        return self.field.mean.to(self.y.real)

    @property
    def mode(self) -> torch.Tensor:
        """The most probable image, `(N, C, H, W)`: for a Gaussian it is the mean."""
        return self.mean

    @property
    def variance(self) -> torch.Tensor:
        """The variance of each pixel, `(1, C, H, W)`; it does not depend on y."""
        return self.field.variance.to(self.y.real)

    def covariance(self) -> torch.Tensor:
        """V as a matrix over flattened images, in float64. Raises `ValueError` above 4096 values."""
        return self.field.covariance()

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """log p(x | y), `(N,)`."""
        return self.field.log_density(x)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """The gradient of log p(x | y) with respect to x, `(N, C, H, W)`."""
        return self.field.score(x)

    def sample(self, n: int, *, seed: int, image: int = 0) -> torch.Tensor:
        """`n` independent images from p(x | y) of measurement number `image`, `(n, C, H, W)`.

        One seed gives every measurement the same noise: for draws that are independent, give each its own. Raises
        `ValueError` for a count or a place that is no whole number within range.
        """
        n, generator = check_whole(n, name="n", least=1), torch.Generator().manual_seed(check_seed(seed))
        image = check_whole(image, name="image", least=0, most=self.field.mean.shape[0] - 1)
        white = torch.randn(n, *self.field.shape, generator=generator, dtype=torch.float64)
        return (self.field.mean[image] + self.field.colour(white)).to(self.y.real)


def gaussian_posterior(
    prior: GaussianField, operator: LinearOperator, y: torch.Tensor, *, sigma: float
) -> GaussianPosterior:
    """The posterior of `prior` for the measurements `y` `(N, ...)` of `operator`, with noise level `sigma`.

    By the FFT where the field is stationary and A*A is diagonal in the Fourier basis (the identity, circular blurs),
    whatever the size; else by dense algebra. Raises `ValueError` for an operator that is not linear or differs between
    images, an image of more than 4096 values where dense algebra is needed, a sigma that is not one number above 0 (and
    at most 1 where A x is an image), or a measurement of another shape than A x or with values up to 255. A complex
    value counts as two, its real and its imaginary part, each with noise of level sigma.
    """
    if isinstance(sigma, torch.Tensor) and sigma.ndim:
        raise ValueError(f"sigma must be one number for the batch, got {describe(sigma)}")
    if not isinstance(operator, LinearOperator):
        raise ValueError(f"the posterior is Gaussian for a linear operator alone, got {operator!r}")
    check_batch(y, name="y")
    pictures = y.ndim == 4 and operator.image_units
    sigma = check_level(sigma) if pictures else check_positive(sigma, name="sigma")
    if pictures:
        check_units(y, name="y")
    measured = y.detach().to("cpu", torch.complex128 if y.is_complex() else torch.float64)
    predicted = operator(prior.mean)
    if predicted.is_complex() != y.is_complex():
        raise ValueError(f"A x is {describe(predicted)} but the measurement y is {describe(y)}")
    if y.ndim < 2 or predicted.shape[1:] != y.shape[1:] or prior.mean.shape[0] not in (1, y.shape[0]):
        raise ValueError(f"A x has shape {tuple(predicted.shape)} but the measurement y is {describe(y)}")
    eigenvalues = operator.normal_eigenvalues(prior.mean, "fft") if isinstance(prior, StationaryField) else None
    if eigenvalues is not None and eigenvalues.ndim == 4:
        if len(eigenvalues) > 1:
            raise ValueError(f"the posterior takes one operator for all images; {operator.name} has {len(eigenvalues)}")
        eigenvalues = eigenvalues[0]
    residual = measured - predicted
    if eigenvalues is not None:
        field, information = _by_fourier(prior, operator, residual, sigma, eigenvalues)
    else:
        field, information = _by_matrices(prior, operator, residual, sigma)
    # r^T (A C A^T + sigma^2 I)^-1 r is twice the energy at the posterior mean: no difference of large numbers
    misfit = squared_norm(measured - operator.apply(field.mean)) / sigma**2 + 2 * prior(field.mean)
    count = math.prod(y.shape[1:]) * (2 if y.is_complex() else 1)
    log_evidence = -(misfit + information + count * math.log(2 * math.pi * sigma**2)) / 2
    return GaussianPosterior(field, y.detach(), log_evidence.to(y.real))


def _by_fourier(
    prior: StationaryField, operator: LinearOperator, residual: torch.Tensor, sigma: float, eigenvalues: torch.Tensor
) -> tuple[StationaryField, float]:
    """The posterior field, and log det(I + A C A^T / sigma^2)."""
    gain = prior.spectrum / (eigenvalues * prior.spectrum + sigma**2)  # (C, H, W // 2 + 1), V / sigma^2
    back = torch.fft.rfft2(operator.adjoint(residual))
    mean = prior.mean + torch.fft.irfft2(gain * back, s=prior.size)
    information = frequency_counts(prior.size[1]) * torch.log1p(eigenvalues * prior.spectrum / sigma**2)
    posterior = StationaryField(sigma**2 * gain, size=prior.size, mean=mean)
    return posterior, float(information.expand_as(prior.spectrum).sum())


def _by_matrices(
    prior: GaussianField, operator: LinearOperator, residual: torch.Tensor, sigma: float
) -> tuple[DenseField, float]:
    """With C = L L^T and B = A L / sigma: V = L (I + B^T B)^-1 L^T, and log det(I + B^T B)."""
    n = math.prod(prior.shape)
    if n > LARGEST:
        raise ValueError(
            f"images of {prior.shape} have {n} values, and the operator {operator.name!r} needs dense algebra, made "
            f"for {LARGEST} at most: take a smaller image, or a stationary field with a circular operator"
        )
    dense = prior if isinstance(prior, DenseField) else DenseField(prior.covariance(), prior.shape, mean=prior.mean)
    factor, whitener = dense.factor, dense.whitener.matrix
    matrix = as_matrix(operator, prior.shape)
    if matrix.is_complex():  # each complex value is two real ones
        matrix = torch.view_as_real(matrix).movedim(2, 1).flatten(0, 1)  # (2 M, n)
        residual = torch.view_as_real(residual.flatten(1))
    scaled = matrix @ factor / sigma  # (M, n)
    inner = torch.linalg.cholesky(torch.eye(n, dtype=torch.float64) + scaled.mT @ scaled)
    posterior_factor = torch.linalg.solve_triangular(inner.mT, factor, upper=True, left=False)  # L R^-T
    back = residual.flatten(1) @ scaled / sigma  # L^T A^T r / sigma^2
    coefficients = torch.linalg.solve_triangular(inner, back.mT, upper=False)
    mean = prior.mean + (posterior_factor @ coefficients).mT.reshape(-1, *prior.shape)
    field = DenseField.from_factor(posterior_factor, inner.mT @ whitener, prior.shape, mean=mean)
    return field, 2 * float(inner.diagonal().log().sum())


GaussianField.posterior = gaussian_posterior
