"""Many filters on one sheet. Taught in chapter 14_learned_filters."""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.signal.filters import check_bank


def filter_sheet(bank: torch.Tensor, *, columns: int = 12, gap: int = 1) -> torch.Tensor:
    """The filters `(K, h, w)` side by side, rows of `columns`, as a picture `(1, 1, H, W)` in [0, 1].

    Grey is zero; each filter by itself is scaled so that its largest tap is white, or its smallest one black. Between
    filters lie `gap` pixels of white, and so do the places that are left over. Raises `ValueError` for what is no bank.

    >>> filter_sheet(torch.tensor([[[1.0, -0.5]]]), gap=0)[0, 0, 0, :2]
    tensor([1.0000, 0.2500])
    """
    check_bank(bank), check_whole(columns, name="columns", least=1), check_whole(gap, name="gap", least=0)
    bank = bank.detach().float().cpu()
    scaled = 0.5 + bank / bank.abs().amax((1, 2), keepdim=True).clamp_min(1e-30) / 2
    scaled = pad(scaled, (0, gap, 0, gap), value=1.0)
    missing = -len(scaled) % columns
    scaled = torch.cat([scaled, torch.ones(missing, *scaled.shape[1:])])
    rows = scaled.unflatten(0, (-1, columns)).transpose(1, 2).flatten(2)  # (rows, h, columns w)
    return rows.flatten(0, 1)[None, None]
