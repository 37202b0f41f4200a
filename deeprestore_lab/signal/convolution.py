"""Bases in which convolutions are products, and convolution itself with each border. Taught in chapter 10_map.

A kernel `(kh, kw)` is centred at `(kh // 2, kw // 2)`: in the middle where the size is odd, on the entry after the
middle where it is even. A kernel `(C, kh, kw)` holds one for each channel.
"""

from functools import lru_cache

import torch

from deeprestore_lab.core.checks import check_choice, check_images, describe
from deeprestore_lab.signal.kernels import disk_kernel, gaussian_kernel, motion_kernel

__all__ = [
    "BORDERS",
    "check_kernel",
    "convolve",
    "dct_matrix",
    "disk_kernel",
    "extend",
    "extend_adjoint",
    "frequency_counts",
    "from_basis",
    "gaussian_kernel",
    "motion_kernel",
    "padded_transfer",
    "to_basis",
    "transfer_function",
]

BASES = ("fft", "dct")
BORDERS = ("circular", "reflect", "replicate", "zero")


@lru_cache(maxsize=64)
def _dct_matrix(n: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
        frequency, position = torch.arange(n, dtype=torch.float64)[:, None], torch.arange(n, dtype=torch.float64)
        matrix = (2 / n) ** 0.5 * torch.cos(torch.pi / n * (position + 0.5) * frequency)
        matrix[0] = n**-0.5
        return matrix.to(dtype=dtype, device=device)


def dct_matrix(n: int, like: torch.Tensor | None = None) -> torch.Tensor:
    r"""The orthonormal DCT-II as a matrix `(n, n)`: D[j, i] = c_j cos(pi (i + 1/2) j / n), D D^T = I.

    c_0 = sqrt(1 / n), c_j = sqrt(2 / n). In the precision and on the device of `like` (float32 without it).
    The matrix is cached: do not change it in place.

    >>> bool(torch.allclose(dct_matrix(5) @ dct_matrix(5).T, torch.eye(5), atol=1e-6))
    True
    """
    like = torch.empty(0) if like is None else like
    return _dct_matrix(int(n), like.dtype, like.device)


def to_basis(x: torch.Tensor, basis: str) -> torch.Tensor:
    """The transform of `x` over its last two dimensions.

    "fft": `torch.fft.rfft2`, unnormalised, `(..., H, W // 2 + 1)`, for circular borders. "dct": the orthonormal
    DCT-II in both directions, `(..., H, W)`, for borders that reflect.

    Raises `ValueError` for another basis.
    """
    if basis == "fft":
        return torch.fft.rfft2(x)
    if basis != "dct":
        check_choice(basis, BASES, name="basis")
    kind = x.dtype, x.device
    return _dct_matrix(x.shape[-2], *kind) @ x @ _dct_matrix(x.shape[-1], *kind).mT


def from_basis(transformed: torch.Tensor, basis: str, like: torch.Tensor) -> torch.Tensor:
    """The inverse of `to_basis`; `like` is any tensor whose last two dimensions are those of the image.

    Raises `ValueError` for another basis.
    """
    if basis == "fft":
        return torch.fft.irfft2(transformed, s=like.shape[-2:])
    if basis != "dct":
        check_choice(basis, BASES, name="basis")
    height, width = transformed.shape[-2:]
    kind = transformed.dtype, transformed.device
    return _dct_matrix(height, *kind).mT @ transformed @ _dct_matrix(width, *kind)


def frequency_counts(width: int) -> torch.Tensor:
    """How many of the W frequencies each column of `torch.fft.rfft2` stands for, `(W // 2 + 1,)`: 1 or 2.

    >>> frequency_counts(4).tolist(), frequency_counts(5).tolist()
    ([1.0, 2.0, 1.0], [1.0, 2.0, 2.0])
    """
    counts = torch.full((width // 2 + 1,), 2.0, dtype=torch.float64)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    return counts


def check_kernel(kernel: torch.Tensor, *, name: str = "kernel") -> torch.Tensor:
    """Return `kernel` if it is a finite float tensor `(kh, kw)` or `(C, kh, kw)`, else raise `ValueError`."""
    fits = isinstance(kernel, torch.Tensor) and kernel.ndim in (2, 3) and kernel.is_floating_point()
    if not fits or kernel.numel() == 0 or not torch.isfinite(kernel).all():
        raise ValueError(f"{name} must be a finite float tensor (kh, kw) or (C, kh, kw), got {describe(kernel)}")
    return kernel


def transfer_function(kernel: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """What circular convolution with `kernel` multiplies each frequency of an H x W image by.

    `size` is (H, W); the result has the layout of `torch.fft.rfft2`, `(H, W // 2 + 1)`, behind the kernel's
    channels where it has them. Raises `ValueError` for a kernel larger than the image.

    >>> transfer_function(torch.full((1, 3), 1 / 3, dtype=torch.float64), (2, 4)).real.round(decimals=3).tolist()
    [[1.0, 0.333, -0.333], [1.0, 0.333, -0.333]]
    """
    kh, kw = check_kernel(kernel).shape[-2:]
    if kh > size[0] or kw > size[1]:
        raise ValueError(f"a kernel of {kh} x {kw} is larger than the image of {size[0]} x {size[1]}")
    placed = kernel.new_zeros(*kernel.shape[:-2], *size)
    placed[..., :kh, :kw] = kernel
    return torch.fft.rfft2(placed.roll((-(kh // 2), -(kw // 2)), (-2, -1)))


def _sources(n: int, before: int, after: int, border: str, device: torch.device) -> torch.Tensor:
    index = torch.arange(-before, n + after, device=device)
    if border == "circular":
        return index % n
    if border == "replicate":
        return index.clamp(0, n - 1)
    index = index % (2 * n)  # reflect
    return torch.minimum(index, 2 * n - 1 - index)


def _margins(kernel: torch.Tensor) -> tuple[int, int, int, int]:
    kh, kw = kernel.shape[-2:]
    return (kw - 1 - kw // 2, kw // 2, kh - 1 - kh // 2, kh // 2)  # left, right, top, bottom


def extend(x: torch.Tensor, kernel: torch.Tensor, *, border: str) -> torch.Tensor:
    """`x` with the margin that convolution with `kernel` reaches into, `(..., H + kh - 1, W + kw - 1)`."""
    left, right, top, bottom = _margins(kernel)
    if border == "zero":
        return torch.nn.functional.pad(x, (left, right, top, bottom))
    x = x.index_select(-2, _sources(x.shape[-2], top, bottom, border, x.device))
    return x.index_select(-1, _sources(x.shape[-1], left, right, border, x.device))


def extend_adjoint(extended: torch.Tensor, kernel: torch.Tensor, *, border: str) -> torch.Tensor:
    """The adjoint of `extend`: the margin is added back to the pixels it was copied from."""
    left, right, top, bottom = _margins(kernel)
    height, width = extended.shape[-2] - top - bottom, extended.shape[-1] - left - right
    if border == "zero":
        return extended[..., top : top + height, left : left + width]
    rows = extended.new_zeros(*extended.shape[:-2], height, extended.shape[-1])
    rows = rows.index_add(-2, _sources(height, top, bottom, border, extended.device), extended)
    image = rows.new_zeros(*rows.shape[:-1], width)
    return image.index_add(-1, _sources(width, left, right, border, extended.device), rows)


def padded_transfer(kernel: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The transfer function of `kernel` on an image of `size` = (H, W) with the margin of `extend` around it.

    Raises `ValueError` for what is no kernel, or one that is larger than the image.
    """
    kh, kw = check_kernel(kernel).shape[-2:]
    if kh > size[0] or kw > size[1]:
        raise ValueError(f"a kernel of {kh} x {kw} is larger than the image of {size[0]} x {size[1]}")
    return transfer_function(kernel, (size[0] + kh - 1, size[1] + kw - 1))


def convolve(x: torch.Tensor, kernel: torch.Tensor, *, border: str = "circular") -> torch.Tensor:
    r"""True convolution: y[i] = sum_k kernel[k] x[i - (k - centre)], the kernel mirrored, for each channel.

    Cross-correlation, which neural networks call convolution, does not mirror: it is this with `kernel.flip(-2, -1)`
    for odd sizes. `x` `(N, C, H, W)`; the output has its shape. `border` says what lies outside: "circular" wraps
    around, "reflect" mirrors with the edge pixel repeated (d c b a | a b c d, as scipy.ndimage has it; numpy calls
    it symmetric), "replicate" repeats the edge pixel, "zero" is black. Raises `ValueError` for another border, a
    kernel larger than the image, or channels that do not fit. Taught in chapter 01_patterns.

    >>> x = torch.tensor([[[[1.0, 2.0, 4.0]]]])
    >>> convolve(x, torch.tensor([[1.0, 0.0, 0.0]]), border="zero").round().tolist()  # moves to the left
    [[[[2.0, 4.0, 0.0]]]]
    """
    check_choice(border, BORDERS, name="border")
    kernel = check_kernel(kernel).to(check_images(x))
    if kernel.ndim == 3 and kernel.shape[0] not in (1, x.shape[1]):
        raise ValueError(f"kernel has {kernel.shape[0]} channels but x is {describe(x)}")
    size = tuple(x.shape[-2:])
    if border == "circular":
        return torch.fft.irfft2(torch.fft.rfft2(x) * transfer_function(kernel, size), s=size)
    extended = extend(x, kernel, border=border)
    transfer = padded_transfer(kernel, size)
    y = torch.fft.irfft2(torch.fft.rfft2(extended) * transfer, s=extended.shape[-2:])
    left, _, top, _ = _margins(kernel)
    return y[..., top : top + size[0], left : left + size[1]]
