"""Ridge regularisers: a potential of each filter's responses, with a bound on how far from convex they are.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import torch
from torch.nn.functional import pad

from deeprestore_lab.core.checks import check_choice, check_images, check_positive, check_weight, describe, per_image
from deeprestore_lab.energies import Weight
from deeprestore_lab.priors import placed_filters, ridge_potentials
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.field_pass import GradientAlong, filter_pass
from deeprestore_lab.priors.placed_filters import curvature_bound, folded
from deeprestore_lab.priors.ridge_potentials import curvature_curves
from deeprestore_lab.priors.ridge_prox import TOLERANCE, ridge_minimum

SHAPES = (1.0, 0.1, 0.01)  # of the terms of a potential: where they bend, one over a response squared
BORDERS = ("valid", "mirror")
GRID = 256  # frequencies in each direction, of the bounds


class RidgeRegulariser(Prior):
    r"""R(x) = sum_k sum_p psi_k((w_k * x)_p), psi_k(z) = sum_j weights_kj / (2 shapes_j) log(1 + shapes_j z^2).

    p are all places where a filter lies inside of the picture. So pixels at the edge are seen by few filters and stay
    noisy; with `border` "mirror" the picture is first continued by its mirror image (the edge itself not repeated), and
    each pixel is seen by all. The bounds below are then four times as large, since a pixel may count four times, and
    tell less; they hold for pictures higher and wider than a filter. `filters` are w_k `(K, 1, h, w)`, `weights`
    `(K, J)`, of either sign, `shapes` J positive numbers. psi_k'(z) = z sum_j weights_kj / (1 + shapes_j z^2): one
    term is a Student-t expert; terms of several shapes and signs give flatter and steeper flanks.

    How far from convex it is: R(x) + `weak_convexity` / 2 ||x||^2 is convex, whatever the size of the picture. Added to
    1/2 ||x - y||^2 it has one minimum if that is below 1. `largest_curvature` bounds its Hessian from above, the step
    of a gradient descent. Both are the largest value over all frequencies of sum_k m_k |w_k^|^2, m_k = max -psi_k'' or
    max psi_k''.

    Shapes: x `(N, C, H, W)`, each channel by itself, value `(N,)`, a sum over places. Raises `ValueError` for filters,
    weights and shapes that do not belong together, and pictures smaller than a filter. Source: Goujon, Neumayer & Unser
    (2024) for weakly convex potentials, Roth & Black (2005) for sums over filters. Differs from the former in the
    potentials, which are splines there. Taught in chapter 14_learned_filters.

    >>> edge = torch.tensor([[[[1.0, -1.0]]]])
    >>> r = RidgeRegulariser(edge, torch.tensor([[2.0]]), shapes=(1.0,))
    >>> round(float(r(torch.tensor([[[[1.0, 0.0]]]]))), 4)  # log(1 + 1)
    0.6931
    """

    def __init__(
        self,
        filters: torch.Tensor,
        weights: torch.Tensor,
        *,
        shapes: Sequence[float] = SHAPES,
        border: str = "valid",
    ) -> None:
        floats = isinstance(filters, torch.Tensor) and filters.is_floating_point()
        if not (floats and filters.ndim == 4 and filters.shape[1] == 1):
            raise ValueError(f"filters must be a float tensor (K, 1, h, w), got {describe(filters)}")
        if not isinstance(shapes, Sequence) or not shapes:
            raise ValueError(f"shapes must be positive numbers, got {describe(shapes)}")
        shapes = tuple(
            check_positive(shape, name="shapes must be positive numbers; each", single=True) for shape in shapes
        )
        floats = isinstance(weights, torch.Tensor) and weights.dtype == filters.dtype
        if not (floats and weights.shape == (len(filters), len(shapes))):
            raise ValueError(
                f"weights must be a tensor ({len(filters)}, {len(shapes)}) in the precision of the filters, "
                f"got {describe(weights)}"
            )
        if not (bool(torch.isfinite(filters.detach()).all()) and bool(torch.isfinite(weights.detach()).all())):
            raise ValueError("filters and weights must be finite, got values that are not")
        self.filters, self.weights, self.shapes = filters, weights, shapes
        self.border = check_choice(border, BORDERS, name="border")
        self._copies: dict[tuple[torch.dtype, torch.device], RidgeRegulariser] = {}

    @property
    def name(self) -> str:
        return "ridge regulariser"

    def detached(self) -> RidgeRegulariser:
        """The same energy, cut off from what its filters and weights were made of."""
        return RidgeRegulariser(self.filters.detach(), self.weights.detach(), shapes=self.shapes, border=self.border)

    def like(self, x: torch.Tensor) -> RidgeRegulariser:
        """The same energy in the precision and on the device of `x`; the one itself where it is there."""
        if x.dtype == self.filters.dtype and x.device == self.filters.device:
            return self
        key = (x.dtype, x.device)
        if key not in self._copies:
            with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
                own = self.filters.to(x), self.weights.to(x)
                self._copies[key] = RidgeRegulariser(*own, shapes=self.shapes, border=self.border)
        return self._copies[key]

    # What a solver asks, for one-channel pictures `(N, 1, H, W)`

    def responses(self, x: torch.Tensor) -> torch.Tensor:
        """(w_k * x)_p, `(N, K, places)`."""
        return placed_filters.responses(self.filters, self._continued(x))

    def adjoint(self, z: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """The transpose of `responses`: `(N, K, places)` to `(N, 1, *size)`."""
        if self.border == "valid":
            return placed_filters.adjoint(self.filters, z, size)
        left, right, top, bottom = self._margins()
        wider = (size[0] + top + bottom, size[1] + left + right)
        return folded(placed_filters.adjoint(self.filters, z, wider), (left, right, top, bottom))

    def _margins(self) -> tuple[int, int, int, int]:
        """What a mirror adds: left, right, top, bottom."""
        high, wide = self.filters.shape[2:]
        return (wide - 1, wide - 1, high - 1, high - 1)

    def _continued(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.border == "valid" else pad(x, self._margins(), mode="reflect")

    def potentials(self, z: torch.Tensor) -> torch.Tensor:
        """psi_k of responses."""
        return ridge_potentials.potentials(self.weights, self.shapes, z)

    def sums_and_gradient(self, x: torch.Tensor, *, gradient: bool = True) -> tuple[torch.Tensor, torch.Tensor | None]:
        """R `(N,)` and its gradient, as x, in one pass; constants for autograd."""
        values, slopes = filter_pass(
            self._continued(x),
            self.filters[:, 0],
            lambda z: ridge_potentials.sum_and_slopes(self.weights, self.shapes, z, slope=gradient),
            gradient=gradient,
        )
        return values, slopes if slopes is None or self.border == "valid" else folded(slopes, self._margins())

    def slopes_and_curvatures(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """psi_k' and psi_k'' of responses, in one pass; constants for autograd."""
        return ridge_potentials.slopes_and_curvatures(self.weights, self.shapes, z)

    # The energy

    def value(self, x: torch.Tensor) -> torch.Tensor:
        if (own := self.like(x)) is not self:
            return own.value(x)
        rows = self._rows(x)
        if self.filters.requires_grad or self.weights.requires_grad:
            values = self.potentials(self.responses(rows)).flatten(1).sum(1)
        else:
            values = GradientAlong.apply(rows, self.sums_and_gradient, self.gradient)
        return values.view(x.shape[:2]).sum(1)

    def gradient(self, x: torch.Tensor) -> torch.Tensor:
        """grad R(x), in the shape of `x`; autograd can follow it to x, the filters and the weights."""
        if (own := self.like(check_images(x))) is not self:
            return own.gradient(x)
        rows = self._rows(x)
        followed = rows.requires_grad or self.filters.requires_grad or self.weights.requires_grad
        if not (torch.is_grad_enabled() and followed):
            return self.sums_and_gradient(rows)[1].view(x.shape)
        bends = ridge_potentials.slopes(self.weights, self.shapes, self.responses(rows))
        return self.adjoint(bends, x.shape[2:]).view(x.shape)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Minus the gradient."""
        with torch.no_grad():
            return -self.gradient(x)

    def _rows(self, x: torch.Tensor) -> torch.Tensor:
        """Channels as pictures of their own."""
        if x.shape[2] < self.filters.shape[2] or x.shape[3] < self.filters.shape[3]:
            raise ValueError(f"pictures must be at least as large as the filters, got {describe(x)}")
        return x.reshape(-1, 1, *x.shape[2:])

    def prox(self, v: torch.Tensor, step: Weight, *, tolerance: float = TOLERANCE) -> torch.Tensor:
        r"""argmin over x of 1/2 ||x - v||^2 + step R(x), to the root mean square `tolerance` of its gradient.

        The objective is strongly convex with mu = 1 - step * weak_convexity, so the answer is within tolerance / mu of
        the exact one. (In a mirrored picture of a filter's own size a pixel may count nine times, not four, and mu is
        that of 9/4 of the weak convexity.) Raises `ValueError` where mu is not above 0, and for a step below 0.
        """
        if (own := self.like(check_images(v, name="v"))) is not self:
            return own.prox(v, step, tolerance=tolerance)
        step, tolerance = check_weight(step, name="step"), check_positive(tolerance, name="tolerance")
        rows, channels = self._rows(v), v.shape[1]
        weak = self.weak_convexity * self._times(v.shape[2:]) / self._times()
        if torch.as_tensor(step).max().item() * weak >= 1:
            raise ValueError(
                f"a step of {describe(step)} makes the proximal step of {self.name} a problem that need not be convex; "
                f"its weak convexity is {weak:.4g}, so steps must be below {1 / weak:.4g}"
            )
        steps = per_image(step, v) if isinstance(step, torch.Tensor) else step
        if isinstance(steps, torch.Tensor):
            steps = steps.expand(v.shape[0], channels, 1, 1).reshape(-1, 1, 1, 1)
        return ridge_minimum(self, rows, steps, tolerance=tolerance).x.view(v.shape)

    # Bounds

    @cached_property
    def weak_convexity(self) -> float:
        """rho: R + rho / 2 ||x||^2 is convex."""
        return self._times() * float(
            curvature_bound(self.filters.detach(), -self._curvatures().min(1).values, grid=GRID)
        )

    @cached_property
    def largest_curvature(self) -> float:
        """L: no eigenvalue of R's Hessian is above it."""
        return self._times() * float(
            curvature_bound(self.filters.detach(), self._curvatures().max(1).values, grid=GRID)
        )

    def curvature_in(self, size: Sequence[int]) -> float:
        """The bound L for pictures of `size`: `largest_curvature`, and more in mirrored ones of a filter's own size."""
        return self.largest_curvature * self._times(size) / self._times()

    def _times(self, size: Sequence[int] | None = None) -> int:
        """How often a pixel may count in a picture of `size`; without it, in one larger than a filter.

        The places are then at most one period, 2 (n - 1), of the mirrored picture, which has each pixel twice.
        """
        if self.border == "valid":
            return 1
        own = self.filters.shape[2:]
        return 4 if size is None else prod(2 if n > side else 3 for n, side in zip(size, own, strict=True))

    @torch.no_grad()
    def _curvatures(self) -> torch.Tensor:
        return curvature_curves(self.weights, self.shapes)
