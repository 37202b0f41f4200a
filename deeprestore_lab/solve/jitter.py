"""Images rolled by a number of pixels that lies where the images do."""

import torch


def rolled(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """`torch.roll` of images `(N, C, H, W)` by `shift` `(2,)` pixels, down and to the right.

    Away from the CPU the shift is never read back: that would wait until everything asked of the device is done.

    >>> rolled(torch.arange(3.0).reshape(1, 1, 1, 3), torch.tensor([0, 1])).flatten().tolist()
    [2.0, 0.0, 1.0]
    """
    if shift.device.type == "cpu":
        return torch.roll(x, shift.tolist(), dims=(-2, -1))
    return gathered(x, shift)


def gathered(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The same by indices: row i of the result is row i - shift of the images."""
    height, width = x.shape[-2:]
    rows = (torch.arange(height, device=x.device) - shift[0]) % height
    columns = (torch.arange(width, device=x.device) - shift[1]) % width
    return x.index_select(-2, rows).index_select(-1, columns)
