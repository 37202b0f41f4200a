"""The two-loop recursion of L-BFGS, for each image of a batch by itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The inner product of each row: `(N, D), (N, D) -> (N,)`."""
    return torch.linalg.vecdot(a, b)


@dataclass
class Pair:
    """A step of each image and how its gradient changed over it; `usable` where that shows positive curvature."""

    s: torch.Tensor  # (N, D), theta after - theta before
    y: torch.Tensor  # (N, D), gradient after - gradient before
    usable: torch.Tensor  # (N,) bool

    @classmethod
    def make(cls, s: torch.Tensor, y: torch.Tensor, moved: torch.Tensor) -> Pair:
        """The pair of images that `moved` and found positive curvature, beyond rounding."""
        return cls(s, y, moved & _curved(dot(s, y), dot(s, s), dot(y, y)))

    def as_dict(self) -> dict[str, torch.Tensor]:
        return {"s": self.s, "y": self.y, "usable": self.usable}


def _curved(sy: torch.Tensor, ss: torch.Tensor, yy: torch.Tensor) -> torch.Tensor:
    return sy > 10 * torch.finfo(sy.dtype).eps * (ss * yy).sqrt()


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
    for pair in reversed(pairs):
        y = pair.y if free is None else pair.y * free
        sy, yy = dot(pair.s, y), dot(y, y)
        s2 = dot(pair.s, pair.s) if free is None else dot(pair.s * free, pair.s)
        usable = pair.usable & _curved(sy, s2, yy)
        rho = torch.where(usable, 1 / sy, 0.0)
        scale = torch.where(usable & ~known, sy / yy, scale)
        known = known | usable
        alpha = rho * dot(pair.s, q)
        q = torch.addcmul(q, alpha[:, None], y, value=-1)
        used.append((pair.s, y, rho, alpha))
    r = q * scale[:, None]
    for s, y, rho, alpha in reversed(used):
        beta = rho * dot(y, r)
        r = torch.addcmul(r, (alpha - beta)[:, None], s)
        if free is not None:
            r = r * free
    return -r, known
