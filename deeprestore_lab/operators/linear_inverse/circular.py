r"""The inverse of a convolution on a ring, exactly: one transposed convolution. Taught in chapter 16_linear_inverse.

For f ~ N(0, Sigma), Sigma stationary, and f' = W f + noise of variance 1 / weight, the posterior mean is B f' with

    B = (Sigma^-1 / weight + W* W)^-1 W* = Sigma W* (W Sigma W* + I / weight)^-1 .

A shift of f' by one is a shift of B f' by s, so B is a transposed convolution of stride s whose kernel is as large as
the image. At each frequency of f' it is a block of s s C rows and C' columns: with the alias block w of the layer and
the spectra S of its aliases on a diagonal, B = S w* (w S w* + I / weight)^-1. For stride 1 and one channel this is the
Wiener filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from deeprestore_lab.core.checks import check_images, check_not_negative, check_pair, describe
from deeprestore_lab.operators.convolution_layer import check_kernels
from deeprestore_lab.operators.linear_inverse.dense import check_covariance, noise_variance
from deeprestore_lab.operators.linear_inverse.symbols import alias_blocks, fold, layer_symbol, unfold


@dataclass(frozen=True)
class CircularInverse:
    """f' -> B f', `(N, C', H / s, W / s) -> (N, C, H, W)`, with its kernel and what it leaves.

    Calling it raises `ValueError` for maps of another shape or kind.
    """

    blocks: torch.Tensor  # (h, w, s s C, C'), complex
    stride: tuple[int, int]
    error: torch.Tensor  # (C,): the expected squared error of a value, the same at every place up to its phase

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """B y for a batch of maps. Raises `ValueError` for maps of another shape, or of whole numbers."""
        h, w, _, channels = self.blocks.shape
        if tuple(check_images(y, name="y").shape[1:]) != (channels, h, w):
            raise ValueError(f"this inverse takes maps ({channels}, {h}, {w}), got {describe(y)}")
        spectrum = torch.fft.fft2(y).permute(2, 3, 1, 0).to(self._blocks_as(y))  # (h, w, C', N)
        folded = self._blocks_as(y) @ spectrum
        s, t = self.stride  # unitary on both sides: the larger grid has s t times as many values
        return torch.fft.ifft2(unfold(folded.mT, self.stride)).real * (s * t) ** 0.5

    def _blocks_as(self, y: torch.Tensor) -> torch.Tensor:
        return self.blocks.to(y.device, y.dtype.to_complex())

    @cached_property
    def kernel(self) -> torch.Tensor:
        """K `(C', C, H, W)`: B f' [c, p] = sum_{o, q} K[o, c, p - s q] f'[o, q], indices around the ring."""
        h, w, _, channels = self.blocks.shape
        units = torch.zeros(channels, channels, h, w, dtype=torch.float64)
        units[torch.arange(channels), torch.arange(channels), 0, 0] = 1
        return self(units)


def folded_prior(spectrum: torch.Tensor, channels: int, stride: tuple[int, int]) -> torch.Tensor:
    """Sigma for the aliases of each frequency: `(h, w, s s C)` from `(H, W)`, else `(h, w, s s C, s s C)`.

    The spectrum is `(H, W)`, of independent channels that are alike, or `(C, C, H, W)`. Raises `ValueError` for others,
    and where it is below 0.
    """
    if not isinstance(spectrum, torch.Tensor) or spectrum.shape[:-2] not in ((), (channels, channels)):
        raise ValueError(f"spectrum must be (H, W) or ({channels}, {channels}, H, W), got {describe(spectrum)}")
    if spectrum.ndim == 2:
        if spectrum.is_complex():
            raise ValueError(f"a spectrum (H, W) must be real, got {describe(spectrum)}")
        own = spectrum if spectrum.is_floating_point() else spectrum.double()
        own = check_not_negative(own[None], name="spectrum")[0]
        return fold(own.double().expand(channels, -1, -1), stride)
    check_covariance(spectrum.permute(2, 3, 0, 1), name="spectrum")
    own = fold(spectrum.to(torch.complex128), stride).unflatten(-1, (-1, channels))  # (h, w, C, s s, C)
    blocks = torch.diag_embed(own.movedim(-2, -1))  # (h, w, C, C, s s, s s)
    return blocks.movedim((-2, -1), (-4, -2)).flatten(-2).flatten(-3, -2)


def cross_spectrum(prior: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Sigma w* at each frequency, `(h, w, s s C, C')`, of a prior as `folded_prior` gives it."""
    return prior[..., None] * w.mH if prior.ndim == 3 else prior @ w.mH


def circular_inverse(
    kernels: torch.Tensor,
    spectrum: torch.Tensor,
    *,
    weight: float,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | None = None,
) -> CircularInverse:
    r"""B of a layer with circular border under a stationary prior, in float64.

    `kernels` `(C', C, kh, kw)`; `spectrum` the eigenvalues of Sigma at the frequencies of `torch.fft.fft2`, real
    `(H, W)`, or `(C, C, H, W)`, Hermitian, where channels depend on each other, nowhere below 0; `weight`
    is one over the variance of the noise on f', infinite for the limit of maximum likelihood (of its solutions the one
    that the prior likes best). Solved in the smaller of two forms: C' x C' or s s C x s s C at each frequency.
    A prior of 0 somewhere takes the first. Raises `ValueError` for what does not fit. Taught in chapter
    16_linear_inverse.

    >>> wiener = circular_inverse(torch.ones(1, 1, 1, 1), torch.full((4, 4), 3.0), weight=1.0)
    >>> wiener(torch.ones(1, 1, 4, 4, dtype=torch.float64))[0, 0, 0].tolist(), wiener.error.tolist()
    ([0.75, 0.75, 0.75, 0.75], [0.75])
    """
    noise = noise_variance(weight)
    stride, channels = check_pair(stride, name="stride"), check_kernels(kernels).shape[1]
    prior = folded_prior(spectrum, channels, stride)
    w = alias_blocks(layer_symbol(kernels, tuple(spectrum.shape[-2:]), padding=padding), stride)  # (h, w, C', s s C)
    cross = cross_spectrum(prior, w)
    if w.shape[-2] <= w.shape[-1] or not noise or _singular(prior, spectrum.ndim == 2):
        second = w @ cross
        second = (second + second.mH) / 2
        if not noise:
            inverse = cross @ torch.linalg.pinv(second, hermitian=True)
        else:
            second.diagonal(dim1=-2, dim2=-1).add_(noise)
            inverse = torch.linalg.solve(second, cross.mH).mH
    else:
        precision = w.mH @ w
        if spectrum.ndim == 2:
            precision.diagonal(dim1=-2, dim2=-1).add_(noise / prior)
        else:
            precision = precision + torch.linalg.inv(prior) * noise
        inverse = torch.linalg.solve(precision, w.mH)
    variance = prior if spectrum.ndim == 2 else prior.diagonal(dim1=-2, dim2=-1).real
    left = variance - (inverse * cross.conj()).sum(-1).real  # (h, w, s s C), the diagonal of Sigma - B W Sigma
    return CircularInverse(inverse, stride, left.unflatten(-1, (-1, channels)).mean((0, 1, 2)))


def _singular(prior: torch.Tensor, diagonal: bool) -> bool:
    return bool((prior <= 0).any() if diagonal else torch.linalg.cholesky_ex(prior).info.any())
