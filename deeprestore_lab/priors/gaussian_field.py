r"""The solvable world: Gaussian random fields, for which every answer is known in closed form.

x ~ N(mean, C). With a linear operator A and Gaussian noise, y = A x + n, the posterior is Gaussian too: its mean is
its mode, and it can be sampled, its evidence p(y) computed, and the best weight of a quadratic prior found exactly.
Solvers, stopping rules, fits and samplers are checked against it. Taught in chapter 10_map.

Convention of the spectrum S: the eigenvalues of C in the unitary DFT, so S[k] is the variance of the coefficient
DFT(x - mean)[k] / sqrt(H W), and S is the unnormalised DFT of the autocovariance. The variance of a pixel is the mean
of S over all H W frequencies; white noise of variance v has S = v throughout. S is held in the layout of
`torch.fft.rfft2`, `(H, W // 2 + 1)`: columns other than 0 (and W / 2 where W is even) stand for two frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import (
    check_images,
    check_level,
    check_positive,
    check_seed,
    check_whole,
    describe,
    per_image,
)
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.energies import Quadratic, Weight, WeightedSum
from deeprestore_lab.operators import FourierFilter, LinearOperator
from deeprestore_lab.operators.fourier_filter import check_response
from deeprestore_lab.operators.matrix import LARGEST
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.signal.convolution import frequency_counts


class GaussianField(Prior):
    r"""1/2 (x - mean)^T C^-1 (x - mean) in nats, for images of one `shape` (C, H, W) and a known covariance C.

    A subclass gives `whitener`, the operator W with C^-1 = W^T W, its inverse `colour`, and `log_determinant`, that of
    C. All is held in float64 and follows the precision and device of x. `mean` is `(1, C, H, W)`, or holds one image
    for each in the batch, `(N, C, H, W)`, where the field is a posterior. Raises `ValueError` for a mean that does not
    fit the shape or is not finite.
    """

    whitener: LinearOperator
    log_determinant: float
    posterior: Callable  # (operator, y, *, sigma): `gaussian_posterior`, which needs the fields and so puts itself here

    def __init__(self, shape: tuple[int, int, int], mean: float | torch.Tensor) -> None:
        self.shape = tuple(shape)
        mean = torch.as_tensor(mean, dtype=torch.float64, device="cpu")
        try:
            mean = mean.detach().expand(*((mean.shape[0],) if mean.ndim == 4 else (1,)), *self.shape)
        except RuntimeError:
            raise ValueError(f"a mean of shape {tuple(mean.shape)} does not fit images of {self.shape}") from None
        if not torch.isfinite(mean).all():
            raise ValueError("mean holds values that are not finite")
        self.mean = mean
        self._means = Constants(mean)

    def colour(self, white: torch.Tensor) -> torch.Tensor:
        """White noise `(N, C, H, W)` turned into noise of covariance C: the inverse of `whitener`."""
        raise NotImplementedError(f"{type(self).__name__} does not define colour")

    def covariance(self) -> torch.Tensor:
        """C as a matrix over flattened images, in float64. Raises `ValueError` above 4096 values."""
        raise NotImplementedError(f"{type(self).__name__} does not define covariance")

    @property
    def variance(self) -> torch.Tensor:
        """The variance of each pixel, `(1, C, H, W)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define variance")

    def _centred(self, x: torch.Tensor) -> torch.Tensor:
        if tuple(check_images(x).shape[1:]) != self.shape or self.mean.shape[0] not in (1, x.shape[0]):
            raise ValueError(f"the field has images of {self.shape} and {self.mean.shape[0]} means, got {describe(x)}")
        return x - self._means.like(x)[0]

    def calibrated(self, sigma: Weight, *, channels: int = 3) -> WeightedSum:
        """1 * this prior: in its own world the weight 1 is the best at every noise, whatever the `channels`.

        Raises `ValueError` for a level that is not between 0 and 1.
        """
        check_level(sigma)
        return 1.0 * self

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return self.whitener.apply(self._centred(x)).square().flatten(1).sum(1) / 2

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """log p(x) in nats with its constant, `(N,)`; a density over values in [0, 1] units."""
        return -self(x) - (self.log_determinant + math.prod(self.shape) * math.log(2 * math.pi)) / 2

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """The gradient of log p at x, -C^-1 (x - mean), `(N, C, H, W)`."""
        return -self.whitener.adjoint(self.whitener.apply(self._centred(x)))

    def posterior_mean(self, y: torch.Tensor, sigma: float) -> torch.Tensor:
        """The Wiener filter of white noise of level `sigma`; the mean of a Gaussian is its mode."""
        return self.prox(y, sigma**2)

    def quadratic(self) -> Quadratic:
        return Quadratic(self.whitener, self.whitener.apply(self.mean), 1.0)

    def sample(self, n: int, *, seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """`n` independent images of the field, `(n, C, H, W)`; not held to [0, 1].

        Raises `ValueError` where the field has several means, as the posterior of several images has.
        """
        if self.mean.shape[0] != 1:
            raise ValueError(f"the field has {self.mean.shape[0]} means; sample the posterior of one image")
        n, generator = check_whole(n, name="n", least=1), torch.Generator().manual_seed(check_seed(seed))
        white = torch.randn(n, *self.shape, generator=generator, dtype=torch.float64)
        return (self.mean + self.colour(white)).to(dtype)


class StationaryField(GaussianField):
    r"""A Gaussian field whose covariance depends on the distance alone, with circular borders: exact by the FFT.

    `spectrum` holds the eigenvalues of C (convention above), all above 0, `(H, W // 2 + 1)` or with channels before
    them, for images of `size` (H, W); channels are independent. `mean` is a number or a tensor that broadcasts to
    (C, H, W). Raises `ValueError` for a spectrum that is none, or images of another shape.

    >>> field = StationaryField(torch.full((4, 3), 0.25), size=(4, 4), mean=0.5)  # white, deviation 1/2
    >>> float(field(torch.ones(1, 1, 4, 4)))  # 16 pixels, each one deviation off
    8.0
    """

    def __init__(self, spectrum: torch.Tensor, *, size: tuple[int, int], mean: float | torch.Tensor = 0.5) -> None:
        spectrum = check_response(spectrum, size, name="spectrum").detach().to("cpu", torch.float64)
        if not (spectrum > 0).all():
            raise ValueError(f"spectrum must be above 0 at every frequency, its smallest value is {spectrum.min():.3g}")
        super().__init__((spectrum.shape[0], *size), mean)
        self.spectrum = spectrum
        self.whitener = FourierFilter(spectrum.rsqrt(), size=size)
        self.log_determinant = float((frequency_counts(size[1]) * spectrum.log()).sum())
        self._spectra = Constants(spectrum)

    @classmethod
    def power_law(
        cls,
        size: tuple[int, int],
        *,
        exponent: float = 2.0,
        std: float = 0.2,
        corner: float | None = None,
        mean: float | torch.Tensor = 0.5,
        channels: int = 1,
    ) -> StationaryField:
        """S[k] proportional to (|f|^2 + corner^2)^(-exponent / 2), f in cycles per pixel: 2 is near to photographs.

        `std` is the standard deviation of a pixel. `corner` keeps the lowest frequencies finite; by default one cycle
        across the larger side.
        """
        std, channels = check_positive(std, name="std", single=True), check_whole(channels, name="channels", least=1)
        corner = 1 / max(size) if corner is None else check_positive(corner, name="corner", single=True)
        down = torch.fft.fftfreq(size[0], dtype=torch.float64)
        right = torch.fft.rfftfreq(size[1], dtype=torch.float64)
        spectrum = (down[:, None].square() + right.square() + corner**2) ** (-exponent / 2)
        pixel_variance = (frequency_counts(size[1]) * spectrum).sum() / math.prod(size)
        return cls((spectrum * std**2 / pixel_variance).expand(channels, -1, -1), size=size, mean=mean)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.shape[1:]

    def colour(self, white: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(white) * self.spectrum.sqrt().to(white), s=self.size)

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """(I + step C^-1)^-1 applied to v - mean, plus the mean: the Wiener filter of noise of variance `step`."""
        (spectrum,) = self._spectra.like(v)
        shrunk = torch.fft.rfft2(self._centred(v)) * (spectrum / (spectrum + per_image(step, v)))
        return self._means.like(v)[0] + torch.fft.irfft2(shrunk, s=self.size)

    @property
    def autocovariance(self) -> torch.Tensor:
        """The covariance of a pixel with the one (i, j) below and right of it, `(C, H, W)`."""
        return torch.fft.irfft2(self.spectrum, s=self.size)

    @property
    def variance(self) -> torch.Tensor:
        return self.autocovariance[None, :, :1, :1].expand(1, *self.shape)

    def covariance(self) -> torch.Tensor:
        n, (height, width) = math.prod(self.shape), self.size
        if n > LARGEST:
            raise ValueError(
                f"images of {self.shape} have {n} values; a dense covariance is made for {LARGEST} at most"
            )
        rows, columns = torch.arange(height), torch.arange(width)
        down, right = (rows[:, None] - rows) % height, (columns[:, None] - columns) % width
        blocks = self.autocovariance[:, down[:, None, :, None], right[None, :, None, :]]  # (C, H, W, H, W)
        return torch.block_diag(*blocks.reshape(self.shape[0], height * width, height * width))
