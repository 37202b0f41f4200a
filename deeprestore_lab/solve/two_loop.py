"""The two-loop recursion of L-BFGS, for each image of a batch by itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The inner product of each row: `(N, D), (N, D) -> (N,)`."""
    return (a * b).sum(1)  # measured: faster than a batched matrix product for few long rows


@dataclass
class Pair:
    """A step of each image and how its gradient changed over it; `usable` where that shows positive curvature."""

    s: torch.Tensor  # (N, D), theta after - theta before
    y: torch.Tensor  # (N, D), gradient after - gradient before
    sy: torch.Tensor  # (N,), s.y
    yy: torch.Tensor  # (N,), y.y
    usable: torch.Tensor  # (N,) bool

    @classmethod
    def make(cls, s: torch.Tensor, y: torch.Tensor, moved: torch.Tensor) -> Pair:
        """The pair of the images that `moved`, usable where the curvature is positive beyond rounding."""
        sy, yy = dot(s, y), dot(y, y)
        return cls(s, y, sy, yy, moved & (sy > 10 * torch.finfo(sy.dtype).eps * (dot(s, s) * yy).sqrt()))

    def among(self, free: torch.Tensor) -> Pair:
        """The pair as the values in `free` `(N, D)` see it."""
        return Pair.make(self.s * free, self.y * free, self.usable)


def direction(
    g: torch.Tensor, pairs: list[Pair], free: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""-H g `(N, D)`, with H from the pairs (oldest first), and whether each image had a pair to build it from.

    H starts from (s.y / y.y) I of the latest usable pair. With `free` `(N, D)` bool, only these values take part, in
    the pairs too, and the others stay zero. Nocedal & Wright (2006), algorithm 7.4.
    """
    q = g.clone() if free is None else g * free
    known = torch.zeros(g.shape[0], dtype=torch.bool, device=g.device)
    scale = torch.ones_like(q[:, 0])
    used = []
    for whole in reversed(pairs):  # inner products written out: twenty calls a step otherwise
        pair = whole if free is None else whole.among(free)
        rho = torch.where(pair.usable, pair.sy.reciprocal(), 0.0)  # 1 / sy costs three Python calls
        scale = torch.where(pair.usable & ~known, pair.sy / pair.yy, scale)
        known = known | pair.usable
        alpha = rho * (pair.s * q).sum(1)
        q.addcmul_(alpha[:, None], pair.y, value=-1)
        used.append((pair, rho, alpha))
    r = q.mul_(scale[:, None])
    for pair, rho, alpha in reversed(used):
        beta = rho * (pair.y * r).sum(1)
        r.addcmul_((alpha - beta)[:, None], pair.s)
    return r.neg_(), known
