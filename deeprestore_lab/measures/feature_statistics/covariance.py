"""The covariance of feature maps over positions, a mean over channels. Taught in chapter 15_feature_statistics."""

import torch

from deeprestore_lab.core.checks import check_choice, check_images, describe
from deeprestore_lab.measures.feature_statistics.photographs import check_groups

CENTRINGS = ("position", "channel", "map", "none")
LEAST = 1e-12  # of the largest channel's variance: what is below varies by rounding alone


def standardised(
    f: torch.Tensor, *, centring: str = "position", counts: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Maps `(N, K, H, W)` less their mean, each channel scaled to variance 1, and the shares of the maps `(N,)`.

    `centring` says which mean: "position", that of each channel and position over the maps; "channel", one for each
    channel; "map", the own mean of each map; "none". The variance is that over maps and positions after centring.
    `counts` `(N,)` says how often each map counts, all once without it. Channels that do not vary are left out, so K
    is at most C. float64. Raises `ValueError` for what are no maps, another centring, counts that are negative or all
    zero, and maps of which no channel varies.
    """
    check_images(f, name="f")
    check_choice(centring, CENTRINGS, name="centring")
    f = f.detach().double()
    if not torch.isfinite(f).all():
        raise ValueError(f"f must be finite, got values that are not in {describe(f)}")
    shares = _shares(counts, f)
    across = shares[:, None, None, None]
    if centring == "position":
        f = f - (across * f).sum(0)
    elif centring == "channel":
        f = f - (across * f).sum(0).mean((1, 2), keepdim=True)
    elif centring == "map":
        f = f - f.mean((2, 3), keepdim=True)
    variance = (across * f.square()).sum(0).mean((1, 2))
    kept = variance > LEAST * variance.max()
    if not kept.any():
        raise ValueError(f"no channel of these maps varies once they are centred by {centring}")
    return f[:, kept] / variance[kept].sqrt()[:, None, None], shares


def spatial_covariance(
    f: torch.Tensor, *, centring: str = "position", counts: torch.Tensor | None = None
) -> torch.Tensor:
    r"""C_pq = mean over channels c and maps n of z_ncp z_ncq, `(P, P)` over the P = H W positions, row by row.

    z are the maps `(N, C, H, W)` as `standardised` gives them, so the trace of C is P. `counts` weights the maps, which
    is how a bootstrap asks. Over all channels at once the covariance would have N - 1 directions at most of C P; the
    mean over channels has N C samples for P. With `centring` "map" the constant map is in its null space and it has no
    inverse; with "channel" and "none" what all photographs share at a position counts as if it varied. float64. Raises
    `ValueError` as `standardised` does. Taught in chapter 15_feature_statistics.

    >>> f = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1) * torch.ones(2, 1, 1, 2)
    >>> spatial_covariance(f)
    tensor([[1., 1.],
            [1., 1.]], dtype=torch.float64)
    """
    z, shares = standardised(f, centring=centring, counts=counts)
    rows = (shares.sqrt()[:, None, None, None] * z).flatten(0, 1).flatten(1)
    return rows.mT @ rows / z.shape[1]


def photograph_covariances(
    f: torch.Tensor, *, groups: torch.Tensor | None = None, centring: str = "position"
) -> torch.Tensor:
    r"""M_g = mean over channels and the maps of photograph g of z z^T, `(G, P, P)`, with means and scales of all maps.

    The mean of them is `spatial_covariance` where each photograph has as many maps, and a resampling of photographs is
    another weighted mean of them. `groups` `(N,)` says which photograph a map is of, each its own without it. float64.
    Raises `ValueError` for what are no maps, and groups that are not one for each.
    """
    z, _ = standardised(f, centring=centring)
    groups, rows = check_groups(groups, len(z)), z.flatten(2)
    found = []
    for own in range(int(groups.max()) + 1):
        each = rows[groups == own].flatten(0, 1)
        found.append(each.mT @ each / len(each))
    return torch.stack(found)


def _shares(counts: torch.Tensor | None, f: torch.Tensor) -> torch.Tensor:
    """How much each map counts, summing to 1, float64."""
    if counts is None:
        return f.new_full((len(f),), 1 / len(f))
    if not isinstance(counts, torch.Tensor) or counts.shape != f.shape[:1]:
        raise ValueError(f"counts must be ({len(f)},), one for each map, got {describe(counts)}")
    counts = counts.to(f)
    if not torch.isfinite(counts).all() or (counts < 0).any() or not (counts > 0).any():
        raise ValueError("counts must be finite and at least 0, and some above it")
    return counts / counts.sum()
