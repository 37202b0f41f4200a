"""The spectrum of feature maps, and what a kernel loses under one. Taught in chapter 16_linear_inverse."""

import math

import torch

from deeprestore_lab.core.checks import check_images
from deeprestore_lab.operators.linear_inverse.circular import CircularInverse, folded_prior
from deeprestore_lab.operators.linear_inverse.dense import noise_variance
from deeprestore_lab.operators.linear_inverse.finite_kernel import FiniteInverse
from deeprestore_lab.operators.linear_inverse.symbols import alias_blocks, layer_symbol


def mean_spectrum(x: torch.Tensor, *, floor: float = 1e-6) -> torch.Tensor:
    r"""The spectrum of a stationary law from crops `(N, C, H, W)`: the mean periodogram, complex `(C, C, H, W)`.

    Each channel less its mean over all crops, under a Hann window whose mean square is 1, which keeps the border of a
    crop from looking like an edge. `floor` times the mean variance of a channel is added at every frequency, so that
    the result has an inverse. Raises `ValueError` for what is no batch, and a `floor` below 0.
    """
    x = check_images(x).double()
    if not 0 <= floor < math.inf:
        raise ValueError(f"floor must be finite and at least 0, got {floor}")
    x = x - x.mean((0, 2, 3), keepdim=True)
    for axis in (-2, -1):
        n = x.shape[axis]
        taper = torch.sin(math.pi * (torch.arange(n, dtype=torch.float64) + 0.5) / n).square()
        x = x * (taper / taper.square().mean().sqrt()).reshape(*((-1, 1) if axis == -2 else (1, -1)))
    waves = torch.fft.fft2(x, norm="ortho").permute(2, 3, 1, 0)  # (H, W, C, N)
    spectrum = waves @ waves.mH / waves.shape[-1]
    spectrum.diagonal(dim1=-2, dim2=-1).add_(floor * spectrum.diagonal(dim1=-2, dim2=-1).real.mean())
    return spectrum.permute(2, 3, 0, 1)


def ring_error(inverse: CircularInverse | FiniteInverse, layer, spectrum: torch.Tensor, *, weight: float) -> float:
    r"""E (f^ - f)^2, a mean over values and channels, of any inverse of a circular `layer` under any spectrum.

    The inverse may have been made for another spectrum or another noise. At each frequency it is the trace of
    (B w - I) S (B w - I)* + B B* / weight. Raises `ValueError` for a spectrum that does not fit, a
    `weight` that is not above 0, and a layer whose border is not circular.
    """
    noise = noise_variance(weight)
    if layer.border != "circular" or not isinstance(inverse, CircularInverse | FiniteInverse):
        raise ValueError(
            f"the error on a ring is that of a CircularInverse or FiniteInverse of a circular layer, got a "
            f"{type(inverse).__name__} and the border {layer.border!r}"
        )
    w = alias_blocks(layer_symbol(layer.kernels, layer.size, padding=layer.padding), layer.stride)
    prior = folded_prior(spectrum, layer.in_shape[0], layer.stride)
    if isinstance(inverse, FiniteInverse):
        blocks = alias_blocks(layer_symbol(inverse.kernels, layer.size, padding=inverse.padding), layer.stride).mH
    else:
        blocks = inverse.blocks
    left = blocks @ w - torch.eye(w.shape[-1]).to(w)
    own = left * prior[..., None, :] if spectrum.ndim == 2 else left @ prior
    total = (own * left.conj()).real.sum() + blocks.abs().square().sum() * noise
    return float(total) / (blocks.shape[0] * blocks.shape[1] * blocks.shape[2])
