"""What holds for every bank of filters: its check, its norms, random ones, and several banks as one.

A bank is a float tensor `(K, kh, kw)`: K kernels, each centred at `(kh // 2, kw // 2)` as all kernels here are.
"""

import functools

import torch

from deeprestore_lab.core.checks import check_seed, check_whole, describe


def check_bank(bank: torch.Tensor, *, name: str = "bank") -> torch.Tensor:
    """Return `bank` if it is a finite float tensor `(K, kh, kw)`, else raise `ValueError`."""
    fits = isinstance(bank, torch.Tensor) and bank.ndim == 3 and bank.is_floating_point() and bank.numel() > 0
    if not fits or not torch.isfinite(bank).all():
        raise ValueError(f"{name} must be a finite float tensor (K, kh, kw), got {describe(bank)}")
    return bank


def norms(bank: torch.Tensor) -> torch.Tensor:
    """||h_k|| of every filter, `(K,)`: noise of sigma in an image has sigma ||h_k|| in its response.

    Raises `ValueError` for what is no bank.
    """
    return check_bank(bank).flatten(1).norm(dim=1)


def unit_norm(bank: torch.Tensor) -> torch.Tensor:
    """The same filters, each divided by its norm. Raises `ValueError` for a filter of zeros.

    >>> unit_norm(torch.tensor([[[3.0, 4.0]]])).tolist()
    [[[0.6000000238418579, 0.800000011920929]]]
    """
    lengths = norms(bank)
    if not bool((lengths > 0).all()):
        raise ValueError(f"a filter of zeros has no direction: filter {int((lengths == 0).nonzero()[0])} of the bank")
    return bank / lengths[:, None, None]


def averages(bank: torch.Tensor) -> torch.Tensor:
    """Which filters are averages, `(K,)` of bools: those without a tap below zero. Shrinking these would dim images.

    Raises `ValueError` for what is no bank.
    """
    return (check_bank(bank) >= 0).flatten(1).all(1)


def impulse(*, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The bank of one filter that changes nothing, `(1, 1, 1)`."""
    return torch.ones(1, 1, 1, dtype=dtype)


def random_filters(count: int, *, size: int = 7, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """`count` filters of independent Gaussian taps, each of norm 1, `(count, size, size)`.

    A larger bank of the same seed begins with the filters of a smaller one.
    Raises `ValueError` for a count or a size below 1.
    """
    count, size = check_whole(count, name="count", least=1), check_whole(size, name="size", least=1)
    generator = torch.Generator().manual_seed(check_seed(seed))
    drawn = [torch.randn(size, size, generator=generator, dtype=torch.float64) for _ in range(count)]
    return unit_norm(torch.stack(drawn)).to(dtype)


def join(*banks: torch.Tensor) -> torch.Tensor:
    """All filters of several banks as one bank, small kernels surrounded by zeros so that their centres agree.

    In the widest of their precisions, on the device of the first. Raises `ValueError` for no bank, or for what is none.

    >>> join(impulse(), torch.ones(2, 3, 3))[0].tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if not banks:
        raise ValueError("join needs at least one bank")
    shapes = [tuple(check_bank(bank).shape[1:]) for bank in banks]
    centre = [max(shape[axis] // 2 for shape in shapes) for axis in (0, 1)]
    size = [centre[axis] + max(shape[axis] - shape[axis] // 2 for shape in shapes) for axis in (0, 1)]
    dtype = functools.reduce(torch.promote_types, (bank.dtype for bank in banks))
    joined = banks[0].new_zeros(sum(len(bank) for bank in banks), *size, dtype=dtype)
    first = 0
    for bank, (height, width) in zip(banks, shapes, strict=True):
        top, left = centre[0] - height // 2, centre[1] - width // 2
        joined[first : first + len(bank), top : top + height, left : left + width] = bank.to(joined)
        first += len(bank)
    return joined
