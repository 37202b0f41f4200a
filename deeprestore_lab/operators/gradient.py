"""Differences between neighbouring pixels, the operator inside gradient priors. Taught in chapter 10_map."""

from functools import lru_cache

import torch

from deeprestore_lab.core.checks import check_choice, describe
from deeprestore_lab.operators.base import LinearOperator

BORDERS = ("neumann", "circular")


def forward_differences(x: torch.Tensor, *, border: str = "neumann", out: torch.Tensor | None = None) -> torch.Tensor:
    """The step from each pixel to the one below and to the one at its right, `(..., H, W) -> (..., 2, H, W)`.

    Entry 0 of the new dimension is down, x[i + 1, j] - x[i, j]; entry 1 is right. Across the border the step is
    zero ("neumann") or goes to the other side ("circular"). `out` is overwritten and returned where it is given
    (inside `torch.no_grad()`).

    Raises `ValueError` for another border.
    """
    if border not in BORDERS:
        check_choice(border, BORDERS, name="border")
    d = x.new_empty(*x.shape[:-2], 2, *x.shape[-2:]) if out is None else out
    down, right = d[..., 0, :, :], d[..., 1, :, :]
    if out is None:
        down[..., :-1, :] = x[..., 1:, :] - x[..., :-1, :]
        right[..., :, :-1] = x[..., :, 1:] - x[..., :, :-1]
    else:
        torch.sub(x[..., 1:, :], x[..., :-1, :], out=down[..., :-1, :])
        torch.sub(x[..., :, 1:], x[..., :, :-1], out=right[..., :, :-1])
    if border == "neumann":
        down[..., -1, :] = 0
        right[..., :, -1] = 0
    else:
        down[..., -1, :] = x[..., 0, :] - x[..., -1, :]
        right[..., :, -1] = x[..., :, 0] - x[..., :, -1]
    return d


def forward_differences_adjoint(
    d: torch.Tensor, *, border: str = "neumann", out: torch.Tensor | None = None
) -> torch.Tensor:
    """The adjoint of `forward_differences`, the negative divergence: `(..., 2, H, W) -> (..., H, W)`.

    Raises `ValueError` for another border.
    """
    if border not in BORDERS:
        check_choice(border, BORDERS, name="border")
    down, right = d[..., 0, :, :], d[..., 1, :, :]
    if border == "neumann":  # the last step was never taken
        x = d.new_empty(right.shape) if out is None else out
        x.zero_()
        x[..., :-1, :] -= down[..., :-1, :]
        x[..., :, :-1] -= right[..., :, :-1]
    else:
        x = torch.neg(down + right) if out is None else torch.add(down, right, out=out).neg_()
        x[..., 0, :] += down[..., -1, :]
        x[..., :, 0] += right[..., :, -1]
    x[..., 1:, :] += down[..., :-1, :]
    x[..., :, 1:] += right[..., :, :-1]
    return x


@lru_cache(maxsize=64)
def _eigenvalues(height: int, width: int, border: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """4 sin^2 of each wave, `(1, 1, H, W)` or the layout of rfft2. Kept, since ADMM asks in every step."""
    with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
        period = 2 if border == "neumann" else 1  # the cosine basis lives on twice the length
        columns = width if border == "neumann" else width // 2 + 1
        down = torch.sin(torch.pi / (period * height) * torch.arange(height, dtype=torch.float64)).square()
        right = torch.sin(torch.pi / (period * width) * torch.arange(columns, dtype=torch.float64)).square()
        return (4 * (down[:, None] + right)).to(dtype=dtype, device=device)[None, None]


class Gradient(LinearOperator):
    """K x: forward differences of each channel, `(N, C, H, W) -> (N, C, 2, H, W)`, down first, then right.

    `border` "neumann" takes no step out of the image, so K*K is diagonal in the cosine basis; "circular" steps to
    the other side, so K*K is diagonal in the Fourier basis. Raises `ValueError` for another border, and for what is
    no `(N, C, H, W)`.

    >>> Gradient()(torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])).tolist()
    [[[[[0.0, 2.0], [0.0, 0.0]], [[1.0, 0.0], [3.0, 0.0]]]]]
    """

    def __init__(self, *, border: str = "neumann") -> None:
        self.border = check_choice(border, BORDERS, name="border")

    @property
    def normal_basis(self) -> str:
        return "dct" if self.border == "neumann" else "fft"

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        if x.ndim != 4:  # as a representation may be; its first dimension would be taken for rows
            raise ValueError(f"differences between neighbours take (N, C, H, W), got {describe(x)}")
        return forward_differences(x, border=self.border)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        if y.ndim != 5 or y.shape[2] != 2:
            raise ValueError(f"a gradient has shape (N, C, 2, H, W), got {describe(y)}")
        return forward_differences_adjoint(y, border=self.border)

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        if basis != self.normal_basis:
            return None
        return _eigenvalues(x.shape[-2], x.shape[-1], self.border, x.dtype, x.device)
