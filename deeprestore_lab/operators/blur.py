"""Blur: convolution with a known kernel. Taught in chapter 10_map."""

import torch

from deeprestore_lab.core.checks import check_choice, describe
from deeprestore_lab.operators.base import LinearOperator
from deeprestore_lab.signal.convolution import (
    BORDERS,
    check_kernel,
    extend,
    extend_adjoint,
    padded_transfer,
    transfer_function,
)


def cosine_transfer(kernel: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """What a kernel symmetric in both directions multiplies each cosine of an H x W image by, `(..., H, W)`."""
    waves = []
    for n, length in zip(size, kernel.shape[-2:], strict=True):
        offset = torch.arange(length, dtype=kernel.dtype, device=kernel.device) - length // 2
        frequency = torch.arange(n, dtype=kernel.dtype, device=kernel.device)
        waves.append(torch.cos(torch.pi / n * frequency[:, None] * offset))  # (n, length)
    return waves[0] @ kernel @ waves[1].mT


class Blur(LinearOperator):
    r"""A x = kernel * x, true convolution of each channel, of the same size as x.

    `kernel` is a float tensor `(kh, kw)` for all channels or `(C, kh, kw)`, of any size up to that of the image,
    centred at `(kh // 2, kw // 2)`. `border` is "circular" (A is diagonal in the Fourier basis), "reflect" (the edge
    pixel is repeated; A is diagonal in the cosine basis where the kernel is odd in size and symmetric in each
    direction), "replicate" or "zero". The solve is exact where A is diagonal. Raises `ValueError` for a kernel or a
    border that does not fit.

    >>> Blur(torch.full((1, 3), 1 / 3))(torch.tensor([[[[0.0, 3.0, 0.0, 0.0]]]])).round().abs().tolist()
    [[[[1.0, 1.0, 1.0, 0.0]]]]
    """

    def __init__(self, kernel: torch.Tensor, *, border: str = "circular") -> None:
        self.kernel = check_kernel(kernel).detach()
        self.border = check_choice(border, BORDERS, name="border")
        odd = all(length % 2 for length in kernel.shape[-2:])
        symmetric = odd and torch.equal(kernel, kernel.flip(-1)) and torch.equal(kernel, kernel.flip(-2))
        self.diagonal_basis = {"circular": "fft", "reflect": "dct" if symmetric else None}.get(border)
        self._transfers: dict[tuple, torch.Tensor] = {}

    def _transfer(self, x: torch.Tensor, kind: str) -> torch.Tensor:
        """The kernel's multipliers for images shaped like `x`, in float64 first, then in the precision of `x`."""
        if self.kernel.ndim == 3 and self.kernel.shape[0] not in (1, x.shape[1]):
            raise ValueError(f"a kernel of {self.kernel.shape[0]} channels does not fit {describe(x)}")
        key = (kind, tuple(x.shape[-2:]), x.dtype, x.device)
        if key not in self._transfers:
            make = {"fft": transfer_function, "dct": cosine_transfer, "padded": padded_transfer}[kind]
            with torch.inference_mode(False):
                multipliers = make(self.kernel.to("cpu", torch.float64), tuple(x.shape[-2:]))
                dtype = x.dtype.to_complex() if multipliers.is_complex() else x.dtype
                self._transfers[key] = multipliers.to(x.device, dtype)
        return self._transfers[key]

    @property
    def image_units(self) -> bool:
        """Whether the kernel is about a mean: one with larger numbers measures something else."""
        return float(self.kernel.abs().sum((-2, -1)).max()) <= 2

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        size = x.shape[-2:]
        if self.border == "circular":
            return torch.fft.irfft2(torch.fft.rfft2(x) * self._transfer(x, "fft"), s=size)
        transfer = self._transfer(x, "padded")
        extended = extend(x, self.kernel, border=self.border)
        y = torch.fft.irfft2(torch.fft.rfft2(extended) * transfer, s=extended.shape[-2:])
        return extend_adjoint(y, self.kernel, border="zero")  # the middle

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        if self.border == "circular":
            return torch.fft.irfft2(torch.fft.rfft2(y) * self._transfer(y, "fft").conj(), s=y.shape[-2:])
        transfer = self._transfer(y, "padded")
        extended = extend(y, self.kernel, border="zero")
        x = torch.fft.irfft2(torch.fft.rfft2(extended) * transfer.conj(), s=extended.shape[-2:])
        return extend_adjoint(x, self.kernel, border=self.border)

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        if basis != self.diagonal_basis:
            return None
        transfer = self._transfer(x, basis).abs().square()
        return transfer.reshape(1, -1, *transfer.shape[-2:])

    def norm(self, x: torch.Tensor) -> float:
        """Exact where A is diagonal; else an upper bound from the sums of |kernel| over A's rows and columns."""
        if self.diagonal_basis is not None:
            return super().norm(x)
        absolute = Blur(self.kernel.abs(), border=self.border)
        ones = x.new_ones(1, x.shape[1], *x.shape[-2:])
        bound = float(absolute.apply(ones).max() * absolute.adjoint(ones).max()) ** 0.5
        if self.border == "zero":  # a part of a circular convolution on a larger image
            bound = min(bound, float(self._transfer(x, "padded").abs().max()))
        return bound * (1 + 1e-6)
