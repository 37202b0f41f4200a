"""A filter given by its frequency response. Taught in chapter 10_map."""

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.base import LinearOperator


def check_response(response: torch.Tensor, size: tuple[int, int], *, name: str) -> torch.Tensor:
    """Return `response` as `(C, H, W // 2 + 1)` if it is that of a real, symmetric filter on H x W images.

    It is real and finite, `(H, W // 2 + 1)` or `(C, H, W // 2 + 1)`, in the layout of `torch.fft.rfft2`. Frequencies
    (j, 0) and (-j, 0) are one and the same wave, as are those of the last column where W is even, so they must hold
    the same value. Raises `ValueError` for anything else.
    """
    height, width = size
    expected = (height, width // 2 + 1)
    fits = isinstance(response, torch.Tensor) and response.is_floating_point() and response.ndim in (2, 3)
    if not fits or tuple(response.shape[-2:]) != expected or not torch.isfinite(response).all():
        raise ValueError(
            f"{name} for images of {height} x {width} must be a finite real tensor {expected}, "
            f"with or without channels before it; got {describe(response)}"
        )
    mirrored = response.roll(-1, -2).flip(-2)  # row j of it is row -j
    for column in {0, width // 2} if width % 2 == 0 else {0}:
        tolerance = 1e-7 * float(response.abs().max())
        if not torch.allclose(response[..., column], mirrored[..., column], rtol=1e-5, atol=tolerance):
            raise ValueError(f"{name} must hold the same value for the rows j and -j of column {column}")
    return response.reshape(-1, *expected)


class FourierFilter(LinearOperator):
    """A x = inverse DFT of (response * DFT of x), for a real response: a symmetric filter with circular borders.

    `response` `(H, W // 2 + 1)` or `(C, H, W // 2 + 1)` in the layout of `torch.fft.rfft2`, for images of `size`
    (H, W). The operator is its own adjoint and is diagonal in the Fourier basis. Raises `ValueError` for a response
    that is not one (see `check_response`) or an image of another size.

    >>> keep_the_mean = torch.tensor([[1.0, 0.0]])
    >>> FourierFilter(keep_the_mean, size=(1, 2))(torch.tensor([[[[1.0, 3.0]]]])).tolist()
    [[[[2.0, 2.0]]]]
    """

    diagonal_basis = "fft"

    def __init__(self, response: torch.Tensor, *, size: tuple[int, int]) -> None:
        self.size = tuple(size)
        self.response = check_response(response, self.size, name="response")
        self._constants = Constants(self.response)

    def _response(self, x: torch.Tensor) -> torch.Tensor:
        if tuple(x.shape[-2:]) != self.size or self.response.shape[0] not in (1, x.shape[1]):
            channels = self.response.shape[0]
            raise ValueError(f"a filter for {channels} x {self.size[0]} x {self.size[1]} does not fit {describe(x)}")
        return self._constants.like(x)[0]

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(x) * self._response(x), s=self.size)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return self.apply(y)

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        return self._response(x).square()[None] if basis == "fft" else None
