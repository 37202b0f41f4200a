"""The best finite kernel of an inverse, by exact least squares under a model. Taught in chapter 16_linear_inverse."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_pair, check_positive, describe
from deeprestore_lab.operators.convolution_layer import ConvolutionLayer, transposed
from deeprestore_lab.operators.linear_inverse.circular import cross_spectrum, folded_prior
from deeprestore_lab.operators.linear_inverse.dense import check_covariance
from deeprestore_lab.operators.linear_inverse.phases import Phase, centred_padding, phases, solve_moments
from deeprestore_lab.operators.linear_inverse.symbols import alias_blocks, layer_symbol


@dataclass(frozen=True)
class FiniteInverse:
    """f^ = K applied to f' as a transposed convolution, and what it leaves."""

    kernels: torch.Tensor  # K as torch's `conv_transpose2d` takes it, (C', C, k, k)
    padding: tuple[int, int]  # how far before s q it begins
    layer: ConvolutionLayer  # what it inverts
    error: float  # E (f^ - f)^2, a mean over all values and channels

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        own = self.layer
        return transposed(y, self.kernels, size=own.size, stride=own.stride, padding=self.padding, border=own.border)


def best_window_kernel(
    layer: ConvolutionLayer, covariance: torch.Tensor, *, weight: float, side: int | tuple[int, int]
) -> FiniteInverse:
    r"""The transposed convolution of `side` x `side` taps with the smallest expected squared error, for any border.

    f ~ N(0, covariance), `(n, n)` over flattened images, f' = W f + noise of variance 1 / weight; the mean over all
    values, with what K sees outside of f' being 0, or around the ring where the layer's border is circular. Exact, by
    the normal equations of each phase in float64. Raises `ValueError` for what does not fit.
    """
    side = check_pair(side, name="side")
    n, (rows, columns) = layer.in_shape[1] * layer.in_shape[2] * layer.in_shape[0], layer.out_size
    if not isinstance(covariance, torch.Tensor) or covariance.shape != (n, n):
        raise ValueError(f"images of {layer.in_shape} need a covariance ({n}, {n}), got {describe(covariance)}")
    covariance = check_covariance(covariance).double()
    cross = layer(covariance.reshape(n, *layer.in_shape)).flatten(1)  # (n, m): E f f'^T
    second = layer(cross.mT.reshape(-1, *layer.in_shape)).flatten(1)
    second = second + torch.eye(len(second)).to(second) / check_positive(weight, name="weight", single=True)
    out, into, places = layer.out_shape[0], layer.in_shape[0], rows * columns
    # one more place, which holds nothing, for what lies outside
    second = torch.nn.functional.pad(second.reshape(out, places, out, places), (0, 1, 0, 0, 0, 1))
    cross = torch.nn.functional.pad(cross.reshape(into, -1, out, places), (0, 1))
    padding = centred_padding(layer, side)

    def moments(phase: Phase) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(phase.offsets)
        a, b = second.new_zeros(out, count, out, count), second.new_zeros(into, out, count)
        for row in range(phase.phase[0], layer.size[0], layer.stride[0]):
            for column in range(phase.phase[1], layer.size[1], layer.stride[1]):
                up = row // layer.stride[0] - phase.offsets[:, 0]
                left = column // layer.stride[1] - phase.offsets[:, 1]
                if layer.border == "circular":
                    seen = up % rows * columns + left % columns
                else:
                    inside = (up >= 0) & (up < rows) & (left >= 0) & (left < columns)
                    seen = torch.where(inside, up * columns + left, places)
                a += second[:, seen][:, :, :, seen]
                b += cross[:, row * layer.size[1] + column][:, :, seen]
        return a.reshape(out * count, out * count), b.reshape(into, out * count)

    total = float(covariance.diagonal().sum())
    return _assembled(layer, side, padding, moments, total, n)


def best_ring_kernel(
    layer: ConvolutionLayer, spectrum: torch.Tensor, *, weight: float, side: int | tuple[int, int]
) -> FiniteInverse:
    """The same on a ring, for large images: moments from the spectrum as in `circular_inverse`, one place a phase.

    K of more taps than the ring has places is refused. Raises `ValueError` for that, for a border that is not circular,
    and for a spectrum that does not fit.
    """
    side = check_pair(side, name="side")
    if layer.border != "circular" or any(k > n for k, n in zip(side, layer.size, strict=True)):
        raise ValueError(f"a ring of {layer.size} takes a circular layer and kernels that are not larger, got {side}")
    out, into, stride = layer.out_shape[0], layer.in_shape[0], layer.stride
    prior = folded_prior(spectrum, into, stride)
    symbol = layer_symbol(layer.kernels, layer.size, padding=layer.padding)
    w = alias_blocks(symbol, stride)
    auto = torch.fft.ifft2(
        (w @ cross_spectrum(prior, w)).movedim((0, 1), (-2, -1))
    ).real  # (C', C', h, w): E f'[q + d] f'[q]
    auto[torch.arange(out), torch.arange(out), 0, 0] += 1 / check_positive(weight, name="weight", single=True)
    if spectrum.ndim == 2:
        full = spectrum * symbol.conj().transpose(0, 1)
    else:
        full = torch.einsum("cdhw,odhw->cohw", spectrum.to(symbol), symbol.conj())
    between = torch.fft.ifft2(full).real  # (C, C', H, W): E f[p] f'[at 0]
    (rows, columns), (height, width) = layer.out_size, layer.size

    def moments(phase: Phase) -> tuple[torch.Tensor, torch.Tensor]:
        apart = phase.offsets[None] - phase.offsets[:, None]  # q - offset of the first less that of the second
        a = auto[:, :, apart[..., 0] % rows, apart[..., 1] % columns].permute(0, 2, 1, 3)
        # E f[s q + r] f'[q - offset]: f' lies s * offset behind
        away = phase.offsets * torch.tensor(stride) + torch.tensor(phase.phase)
        b = between[:, :, away[:, 0] % height, away[:, 1] % width]
        return a.reshape(out * len(apart), out * len(apart)), b.flatten(1)

    if spectrum.ndim == 2:
        variance = into * float(spectrum.mean())
    else:
        variance = float(spectrum.diagonal(dim1=0, dim2=1).real.sum(-1).mean())
    return _assembled(layer, side, centred_padding(layer, side), moments, variance * stride[0] * stride[1], None)


def _assembled(layer, side, padding, moments, total: float, count: int | None) -> FiniteInverse:
    kernels = torch.zeros(layer.out_shape[0], layer.in_shape[0], *side, dtype=torch.float64)
    for phase in phases(side, layer.stride, padding):
        kernel, falls = solve_moments(*moments(phase))
        kernel = kernel.unflatten(1, (layer.out_shape[0], -1)).movedim(0, 1)  # (C', C, T)
        kernels[:, :, phase.taps[:, 0], phase.taps[:, 1]] = kernel
        total -= float(falls.sum())
    count = layer.in_shape[0] * layer.stride[0] * layer.stride[1] if count is None else count
    return FiniteInverse(kernels, padding, layer, total / count)
