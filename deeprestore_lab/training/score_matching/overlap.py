"""How many times a model of single patches counts when it is summed over all patches of a picture, in closed form."""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.priors.gaussian_field import StationaryField
from deeprestore_lab.signal.convolution import frequency_counts


def gaussian_overlap(field: StationaryField, size: int) -> float:
    r"""By how much the sum over all `size` x `size` patches of their own -log p is too strong, for a grey field.

    A patch has the covariance C_n and -log p = 1/2 u^T C_n^-1 u. Its sum over all places of a picture has the symbol
    P = sum_j |e_j^|^2 / d_j at each frequency, with C_n = sum_j d_j e_j e_j^T; the field's own is 1 / S. Score matching
    of c times that sum gives c = sum P / sum P^2 S over frequencies; this is 1 / c. It is size^2 for white noise, whose
    pixels are all counted that often, and less the smoother the field: a pixel at the edge of a patch is then predicted
    from the patch much less well than from all its neighbours, and the patch says less about it. Raises `ValueError`
    for a size that is larger than the field, and a field that is not grey. Taught in chapter 14_learned_filters.

    >>> white = StationaryField(torch.full((8, 5), 0.25), size=(8, 8))
    >>> round(gaussian_overlap(white, 3), 6)
    9.0
    """
    if not isinstance(field, StationaryField) or len(field.spectrum) != 1:
        raise ValueError(f"field must be a grey `StationaryField`, got {describe(field)}")
    size = check_whole(size, name="size", least=1, most=min(field.size))
    rows = torch.arange(size)
    down, right = (rows[:, None] - rows) % field.size[0], (rows[:, None] - rows) % field.size[1]
    covariance = field.autocovariance[0][down[:, None, :, None], right[None, :, None, :]].reshape(size**2, size**2)
    variances, vectors = torch.linalg.eigh(covariance)
    filters = (vectors / variances.sqrt()).T.reshape(-1, size, size)
    power = torch.fft.rfft2(filters, s=field.size).abs().square().sum(0)
    counts = frequency_counts(field.size[1])
    return float((counts * power.square() * field.spectrum[0]).sum() / (counts * power).sum())
