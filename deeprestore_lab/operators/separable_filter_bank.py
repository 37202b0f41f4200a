"""A bank whose filters are products of a column and a row, applied one direction after the other."""

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.operators.filter_bank import FilterBank
from deeprestore_lab.signal.convolution import extend, extend_adjoint, transfer_function


class SeparableFilterBank(FilterBank):
    r"""A x = (h_00 * x, h_01 * x, ...) for all products h_ij of columns[i] and rows[j], circular border.

    `columns` `(I, kh)` act down, `rows` `(J, kw)` across (the same as `columns` where they are not given); filter
    i J + j is their product. The numbers are those of `FilterBank(A.bank)` up to rounding. A pixel costs
    J kw + I J kh multiplications in place of I J kh kw: first across, then down, each as one matrix product with
    shifted copies of the image. Raises `ValueError` for masks that are no float matrices, and for images smaller than
    the filters. Taught in chapter 03_reconstruction.

    >>> masks = torch.tensor([[0.5, 0.5], [0.5, -0.5]])  # Haar
    >>> SeparableFilterBank(masks)(torch.tensor([[[[0.0, 4.0], [0.0, 4.0]]]]))[0, 0, :, 0].tolist()
    [[2.0, 2.0], [2.0, -2.0], [0.0, 0.0], [0.0, 0.0]]
    """

    def __init__(self, columns: torch.Tensor, rows: torch.Tensor | None = None) -> None:
        rows = columns if rows is None else rows
        for name, masks in (("columns", columns), ("rows", rows)):
            if not isinstance(masks, torch.Tensor) or masks.ndim != 2 or not masks.is_floating_point():
                raise ValueError(f"{name} must be a float tensor (count, length), got {describe(masks)}")
        self.columns, self.rows = columns.detach(), rows.detach().to(columns)
        super().__init__(torch.einsum("ih,jw->ijhw", self.columns, self.rows).flatten(0, 1))

    def _masks(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns and rows, mirrored: convolution as a product with windows that are read forwards."""
        (height, width), (kh, kw) = like.shape[-2:], self.bank.shape[-2:]
        if kh > height or kw > width:
            raise ValueError(f"a kernel of {kh} x {kw} is larger than the image of {height} x {width}")
        return self.columns.flip(-1).to(like), self.rows.flip(-1).to(like)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        columns, rows = self._masks(x)
        batch, (height, width) = x.shape[:2], x.shape[-2:]
        extended = extend(x, self.bank[0], border="circular")  # (N, C, H', W'), larger by the kernel
        windows = torch.stack([extended[..., b : b + width] for b in range(rows.shape[1])], 2)  # (N, C, kw, H', W)
        across = (rows @ windows.flatten(3)).reshape(*batch, len(rows), -1, width)  # (N, C, J, H', W)
        windows = torch.stack([across[..., a : a + height, :] for a in range(columns.shape[1])], 2)
        return (columns @ windows.flatten(3)).reshape(*batch, len(self), height, width)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        columns, rows = self._masks(self.check_responses(y))
        batch, (height, width), (kh, kw) = y.shape[:2], y.shape[-2:], self.bank.shape[-2:]
        taps = columns.mT @ y.reshape(*batch, len(columns), -1)
        taps = taps.reshape(*batch, kh, len(rows), height, width)
        across = y.new_zeros(*batch, len(rows), height + kh - 1, width)
        for a in range(kh):
            across[..., a : a + height, :] += taps[:, :, a]
        taps = (rows.mT @ across.flatten(3)).reshape(*batch, kw, -1, width)
        extended = y.new_zeros(*batch, height + kh - 1, width + kw - 1)
        for b in range(kw):
            extended[..., b : b + width] += taps[:, :, b]
        return extend_adjoint(extended, self.bank[0], border="circular")

    def adjoint_spectrum(self, y: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft2(self.adjoint(y))

    def power(self, size: tuple[int, int]) -> torch.Tensor:
        (height, width), wide = size, torch.float64
        down = transfer_function(self.columns.to("cpu", wide)[:, :, None], (height, 1)).abs().square().sum(0)  # (H, 1)
        across = transfer_function(self.rows.to("cpu", wide)[:, None], (1, width)).abs().square().sum(0)
        return down * across
