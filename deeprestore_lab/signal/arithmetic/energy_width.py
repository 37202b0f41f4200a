"""How wide a map of gradient energy is, in pixels. Taught in chapter 02_receptive_fields."""

import torch

from deeprestore_lab.core.checks import describe


def spread(energy: torch.Tensor) -> tuple[float, float]:
    """Standard deviation of an energy `(..., H, W)` around its own centre, down and across, in pixels.

    Energies of several images or places are added first. Raises `ValueError` where all is zero.

    >>> spread(torch.tensor([[1.0, 0.0, 1.0]]))
    (0.0, 1.0)
    """
    if not isinstance(energy, torch.Tensor) or energy.ndim < 2:
        raise ValueError(f"energy must be a tensor (..., H, W), got {describe(energy)}")
    total = energy.double().reshape(-1, *energy.shape[-2:]).sum(0)
    if not total.sum() > 0:
        raise ValueError("an energy that is zero everywhere has no spread")
    spreads = []
    for profile in (total.sum(1), total.sum(0)):
        share, place = profile / profile.sum(), torch.arange(len(profile), dtype=torch.float64)
        mean = (share * place).sum()
        spreads.append(float((share * (place - mean).square()).sum().sqrt()))
    return spreads[0], spreads[1]


def central_square(energy: torch.Tensor, *, share: float = 0.9) -> int:
    """The side, in pixels, of the smallest square around the middle that holds `share` of an energy `(H, W)`.

    The side is odd where the larger side of the window is, else even. Raises `ValueError` for a share that is not
    above 0 and at most 1.

    >>> central_square(torch.ones(5, 5), share=0.3)
    3
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie above 0 and be at most 1, got {share!r}")
    if not isinstance(energy, torch.Tensor) or energy.ndim != 2:
        raise ValueError(f"energy must be a tensor (H, W), got {describe(energy)}")
    total, longest = energy.double(), max(energy.shape)
    for side in range(longest % 2 or 2, longest + 1, 2):
        rows, columns = (slice(max(0, (n - side) // 2), max(0, (n - side) // 2) + side) for n in energy.shape)
        if total[rows, columns].sum() >= share * total.sum() * (1 - 1e-12):
            return side
    return longest
