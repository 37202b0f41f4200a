"""How often a symbol runs around zero: whether a long zero-padded filter can be undone. Taught in 16_linear_inverse."""

import math

import torch

from deeprestore_lab.core.checks import check_whole, describe


def winding_number(taps: torch.Tensor, *, centre: int | None = None) -> int:
    r"""How often a(omega) = sum_u taps[u] e^{i omega (u - centre)} runs around zero, counter-clockwise, `(k,) -> int`.

    `centre` is the tap at its own place, by default the middle one, (k - 1) // 2. It is the number of zeros of
    sum_u taps[u] z^u inside the unit circle less `centre`. The angle is followed along ever finer samples, until no
    step between two can hide a turn: |a| is above the Lipschitz constant of a times half the step. Raises `ValueError`
    where the symbol comes so near to zero that 2^17 samples do not tell, or for taps that are none.

    >>> [winding_number(torch.tensor(taps)) for taps in ([0.2, 1.0, 0.3], [2.5, 1.0, 0.1], [0.1, 1.0, 2.5])]
    [0, -1, 1]
    """
    if not isinstance(taps, torch.Tensor) or taps.ndim != 1 or not taps.is_floating_point() or not len(taps):
        raise ValueError(f"taps must be a float tensor (k,), got {describe(taps)}")
    centre = (len(taps) - 1) // 2 if centre is None else check_whole(centre, name="centre", least=0, most=len(taps) - 1)
    place = torch.arange(len(taps), dtype=torch.float64) - centre
    taps = taps.detach().to("cpu", torch.float64)
    steepest = float((taps * place).abs().sum())
    for power in range(6, 18):
        omega = torch.arange(2**power, dtype=torch.float64) * (2 * math.pi / 2**power)
        symbol = (taps * torch.exp(1j * omega[:, None] * place)).sum(1)
        if float(symbol.abs().min()) > steepest * math.pi / 2**power:
            turns = (symbol.roll(-1) / symbol).angle().sum() / (2 * math.pi)
            return round(float(turns))
    raise ValueError(f"the symbol of {taps.tolist()} comes within {symbol.abs().min():.1e} of zero: no winding number")
