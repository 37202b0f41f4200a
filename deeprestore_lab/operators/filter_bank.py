"""Many filters at once: the representation of an image by its responses. Taught in chapter 03_reconstruction."""

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.operators.base import LinearOperator
from deeprestore_lab.signal.convolution import transfer_function
from deeprestore_lab.signal.filters import check_bank


class FilterBank(LinearOperator):
    r"""A x = (h_1 * x, ..., h_K * x): true convolution of each channel with each filter, circular border.

    `bank` is a float tensor `(K, kh, kw)` of kernels centred at `(kh // 2, kw // 2)`, of any size up to that of the
    image; x is `(N, C, H, W)`, A x `(N, C, K, H, W)`. A*A multiplies each frequency by sum_k |h_k|^2, so least
    squares, arg min ||A x - r||^2, is one division in the Fourier basis: `pseudo_inverse`. Raises `ValueError` for a
    bank or responses that do not fit.

    >>> edges = FilterBank(torch.tensor([[[1.0, -1.0]], [[1.0, 1.0]]]))
    >>> x = torch.tensor([[[[0.0, 4.0, 4.0, 0.0]]]])
    >>> edges(x).round().abs()[0, 0].tolist()
    [[[4.0, 0.0, 4.0, 0.0]], [[4.0, 8.0, 4.0, 0.0]]]
    >>> edges.pseudo_inverse(edges(x)).round().abs().tolist()
    [[[[0.0, 4.0, 4.0, 0.0]]]]
    """

    def __init__(self, bank: torch.Tensor) -> None:
        self.bank = check_bank(bank).detach()
        self._transfers: dict[tuple, torch.Tensor] = {}
        self._powers: dict[tuple, torch.Tensor] = {}
        self._inverses: dict[tuple, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self.bank)

    @property
    def normal_basis(self) -> str:
        return "fft"

    def transfer(self, x: torch.Tensor) -> torch.Tensor:
        """What each filter multiplies the frequencies of images like `x` by, `(K, H, W // 2 + 1)`, made in float64."""
        key = (tuple(x.shape[-2:]), x.dtype, x.device)
        if key not in self._transfers:
            with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
                multipliers = transfer_function(self.bank.to("cpu", torch.float64), key[0])
                self._transfers[key] = multipliers.to(x.device, x.dtype.to_complex())
        return self._transfers[key]

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(x)[:, :, None] * self.transfer(x), s=x.shape[-2:])

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft2(self.adjoint_spectrum(y), s=y.shape[-2:])

    def adjoint_spectrum(self, y: torch.Tensor) -> torch.Tensor:
        """The DFT of A* y, `(N, C, H, W // 2 + 1)`."""
        self.check_responses(y)
        return (torch.fft.rfft2(y) * self.transfer(y).conj()).sum(2)

    def check_responses(self, y: torch.Tensor) -> torch.Tensor:
        """Return `y` if it has the shape of responses to this bank, `(N, C, K, H, W)`, else raise `ValueError`."""
        if not isinstance(y, torch.Tensor) or y.ndim != 5 or y.shape[2] != len(self):
            raise ValueError(
                f"responses to {len(self)} filters have shape (N, C, {len(self)}, H, W), got {describe(y)}"
            )
        return y

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        if basis != "fft":
            return None
        key = (tuple(x.shape[-2:]), x.dtype, x.device)
        if key not in self._powers:
            with torch.inference_mode(False):
                self._powers[key] = self.power(key[0]).to(x)[None, None]
        return self._powers[key]

    def power(self, size: tuple[int, int]) -> torch.Tensor:
        """sum_k |h_k|^2 at every frequency of H x W images, `(H, W // 2 + 1)`, in float64."""
        return transfer_function(self.bank.to("cpu", torch.float64), size).abs().square().sum(0)

    def pseudo_inverse(self, y: torch.Tensor) -> torch.Tensor:
        r"""arg min_x ||A x - y||^2, the x of smallest norm where several are: DFT of A* y over sum_k |h_k|^2.

        Frequencies that no filter passes, up to rounding, are 0 in the result.
        """
        spectrum = self.adjoint_spectrum(y)
        return torch.fft.irfft2(spectrum * self._inverse_power(y), s=y.shape[-2:])

    def _inverse_power(self, y: torch.Tensor) -> torch.Tensor:
        """1 / sum_k |h_k|^2, 0 where that is 0 up to rounding, `(1, 1, H, W // 2 + 1)`."""
        key = (tuple(y.shape[-2:]), y.dtype, y.device)
        if key not in self._inverses:
            with torch.inference_mode(False):
                power = self.normal_eigenvalues(y[:, :, 0], "fft")
                info = torch.finfo(y.dtype)
                passed = power > info.eps * power.amax()
                self._inverses[key] = torch.where(passed, 1 / power.clamp_min(info.tiny), 0.0)
        return self._inverses[key]
