"""Potentials of a ridge regulariser: sums of Student-t terms of either sign, with their derivatives and bounds.

psi_k(z) = sum_j weights_kj / (2 shapes_j) log(1 + shapes_j z^2), for weights `(K, J)` and J shapes. Taught in chapter
14_learned_filters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from deeprestore_lab.priors.placed_filters import PLACES

DENSITY = 60  # squared responses in each factor of ten, where potentials are looked at


def _terms(weights: torch.Tensor, shapes: Sequence[float]) -> Iterator[tuple[torch.Tensor, float]]:
    return zip(weights[..., None].unbind(1), shapes, strict=True)


def potentials(weights: torch.Tensor, shapes: Sequence[float], z: torch.Tensor) -> torch.Tensor:
    """psi_k(z) for responses `(N, K, places)`."""
    t = z.square()
    return sum(w / (2 * s) * (s * t).log1p() for w, s in _terms(weights, shapes))


def slopes(weights: torch.Tensor, shapes: Sequence[float], z: torch.Tensor) -> torch.Tensor:
    """psi_k'(z) = z sum_j weights_kj / (1 + shapes_j z^2)."""
    t = z.square()
    return z * sum(w / (1 + s * t) for w, s in _terms(weights, shapes))


@torch.no_grad()
def sum_and_slopes(
    weights: torch.Tensor, shapes: Sequence[float], z: torch.Tensor, *, slope: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The sum of psi_k(z) over filters and places, and psi_k'(z) where wanted, for one strip's responses `(K, P)`."""
    t, total, first = z.square(), z.new_zeros(()), torch.zeros_like(z) if slope else None
    st = torch.empty_like(t)
    for w, s in _terms(weights, shapes):
        torch.mul(t, s, out=st)
        total = total + (w[:, 0] / (2 * s)) @ st.log1p().sum(1)
        if slope:
            first.addcmul_(w, st.add_(1).reciprocal_())
    return total, first.mul_(z) if slope else None


@torch.no_grad()
def slopes_and_curvatures(
    weights: torch.Tensor, shapes: Sequence[float], z: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """psi_k'(z) = z sum_j a_j r_j and psi_k''(z) = sum_j a_j (2 r_j^2 - r_j), where r_j = 1 / (1 + s_j z^2)."""
    first, second = torch.zeros_like(z), torch.zeros_like(z)
    for part, u, c in zip(*(whole.split(PLACES, 2) for whole in (z, first, second)), strict=True):
        t, one = part.square(), z.new_ones(())
        r = torch.empty_like(t)
        for w, s in _terms(weights, shapes):
            torch.add(one, t, alpha=s, out=r).reciprocal_()
            u.addcmul_(w, r)
            c.addcmul_(w, r.square_(), value=2.0)
        c.sub_(u)
        u.mul_(part)
    return first, second


def curvature_curves(weights: torch.Tensor, shapes: Sequence[float]) -> torch.Tensor:
    """psi_k'' `(K, points)`, at 0 and at points that are dense: between them it rises by a thousandth at most."""
    decades = math.ceil(8 + math.log10(max(shapes) / min(shapes)) - 1e-9)  # from 1e-4 / largest to 1e4 / smallest
    bends = torch.logspace(-4, decades - 4, DENSITY * decades + 1, dtype=torch.float64)
    t = torch.cat([torch.zeros(1, dtype=torch.float64), bends]).to(weights) / max(shapes)
    return sum(w * ((1 - s * t) / (1 + s * t).square()) for w, s in _terms(weights, shapes))
