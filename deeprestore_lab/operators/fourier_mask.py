"""Some of an image's Fourier coefficients, which are complex: what an MR scanner measures. Taught in chapter 10_map."""

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.base import LinearOperator
from deeprestore_lab.operators.mask import Mask


class FourierMask(LinearOperator):
    r"""A x = mask * F x, F the orthonormal DFT of each channel: 0 where a frequency is not measured.

    Conventions: F is `torch.fft.fft2(x, norm="ortho")`, so F^H F = I, and white noise of x keeps its variance:
    E |n_k|^2 = sigma^2. `GaussianLikelihood` takes the level of one part (real or imaginary) of independent noise,
    sqrt(E |n_k|^2 / 2); for noise of the image itself, measured at k and -k, it takes that image's sigma, since each
    pair is there twice. `mask` is in the layout of `fft2`, the zero frequency at [0, 0]; of one that is drawn with it
    in the middle give `torch.fft.ifftshift(mask, dim=(-2, -1))`. It is bool or holds weights of at least 0, `(H, W)`,
    `(C, H, W)` or `(N, C, H, W)`, with C or N of 1 for all.

    Images are real, `(N, C, H, W)`; the measurement is complex, of the same shape. The adjoint is that of the real
    inner products Re <A x, y> = <x, A* y>: A* y = Re F^H(mask * y). A real image has the same coefficient at k and
    -k, but for the sign of its imaginary part, so A*A = F^H s F with s_k = (mask_k^2 + mask_-k^2) / 2, whatever the
    mask: the solve of (A*A + rho I) x = b is exact, a division in the Fourier basis. Raises `ValueError` for a mask
    that is none and an image or measurement that it does not fit. Source: Lustig, Donoho & Pauly (2007). Taught in
    chapter 10_map.

    >>> mean_only = FourierMask(torch.tensor([[True, False]]))
    >>> mean_only(torch.tensor([[[[0.5, 1.5]]]])).real  # 2 / sqrt(2)
    tensor([[[[1.4142, 0.0000]]]])
    """

    def __init__(self, mask: torch.Tensor) -> None:
        self.mask = Mask(mask).mask  # its checks
        squared = self.mask.to(torch.float64 if self.mask.dtype == torch.bool else self.mask.dtype).square()
        mirrored = squared.flip((-2, -1)).roll((1, 1), (-2, -1))  # entry k of it is entry -k
        normal = ((squared + mirrored) / 2)[..., : squared.shape[-1] // 2 + 1]
        self._masks, self._normal = Constants(self.mask), Constants(normal)

    def _fits(self, x: torch.Tensor, what: str) -> None:
        fits = x.ndim == 4 and x.shape[-2:] == self.mask.shape[-2:]
        if not fits or self.mask.shape[0] not in (1, x.shape[0]) or self.mask.shape[1] not in (1, x.shape[1]):
            raise ValueError(f"a Fourier mask of shape {tuple(self.mask.shape)} does not fit {what}, {describe(x)}")

    @property
    def normal_basis(self) -> str:
        return "fft"

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        self._fits(x, "the image")
        return self._masks.like(x)[0] * torch.fft.fft2(x, norm="ortho")

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        self._fits(y, "the measurement")
        return torch.fft.ifft2(self._masks.like(y.real)[0] * y, norm="ortho").real

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        if basis != "fft":
            return None
        self._fits(x, "the image")
        return self._normal.like(x)[0]
