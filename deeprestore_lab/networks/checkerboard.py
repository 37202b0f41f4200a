"""The checkerboard that enlarging by a transposed convolution leaves: overlap counts, and its energy in a picture."""

import torch

from deeprestore_lab.core.checks import check_images, check_whole


def overlap_counts(*, kernel: int, stride: int) -> torch.Tensor:
    r"""How many taps of a transposed convolution meet in an output pixel of each phase, `(stride, stride)`.

    Along one side the tap j of input i lands on the output stride * i + j, so a pixel of phase a = 0 ... stride - 1
    gets the taps j with j = a modulo stride; in two directions the counts multiply. Uneven counts are the checkerboard
    of Odena et al. (2016); they are even where `kernel` is a multiple of `stride`. Padding moves the phases around.
    Raises `ValueError` for sizes that are no whole numbers above 0. Taught in chapter 04_denoising_autoencoders.

    >>> overlap_counts(kernel=3, stride=2).tolist(), overlap_counts(kernel=4, stride=2).tolist()
    ([[4, 2], [2, 1]], [[4, 4], [4, 4]])
    """
    kernel, stride = check_whole(kernel, name="kernel", least=1), check_whole(stride, name="stride", least=1)
    side = torch.bincount(torch.arange(kernel) % stride, minlength=stride)
    return side[:, None] * side


def stride_energy(x: torch.Tensor, *, stride: int = 2) -> torch.Tensor:
    r"""The energy of each image at the frequencies of the stride, `(N,)`, a mean over channels.

        energy = mean over phases of (m_ab - m)^2,   m_ab = mean of x over rows = a, columns = b mod stride

    These are the frequencies (k / stride, l / stride) in cycles a pixel, other than (0, 0): the discrete Fourier
    transform of the phase means m_ab is that of `x` at them, so by Parseval the energy is sum |X|^2 / (H W)^2
    over these frequencies, in squared units of `x`. Sides are cut to multiples of `stride`. Divide by the mean square
    of `x` for a share. Raises `ValueError` for a stride below 2 or above a side. Taught in chapter
    04_denoising_autoencoders.

    >>> board = (torch.arange(4)[:, None] + torch.arange(4)) % 2
    >>> stride_energy(board[None, None].float())
    tensor([0.2500])
    """
    check_images(x)
    stride = check_whole(stride, name="stride", least=2)
    if stride > min(x.shape[2:]):
        raise ValueError(f"stride must be at most the sides of x, {x.shape[2]} x {x.shape[3]}, got {stride}")
    rows, columns = (side // stride for side in x.shape[2:])
    cut = x[..., : rows * stride, : columns * stride]
    means = cut.reshape(*x.shape[:2], rows, stride, columns, stride).mean((2, 4))  # (N, C, stride, stride)
    return means.var((2, 3), correction=0).mean(1)
