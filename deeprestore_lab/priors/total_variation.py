"""Total variation: the sum over pixels of how much the image changes there.

One of four common meanings is chosen here (forward differences, a border that adds nothing, a sum and not a
mean); the conventions page lists the others with their factors. Taught in chapter 10_map.
"""

import torch

from deeprestore_lab.core.checks import check_choice, check_positive, check_weight, check_whole, per_image
from deeprestore_lab.energies import Bounds, Energy, InexactProx, Weight
from deeprestore_lab.operators.base import LinearOperator
from deeprestore_lab.operators.gradient import Gradient, forward_differences
from deeprestore_lab.priors.base import Prior
from deeprestore_lab.priors.tv_denoise import COLOURS, KINDS, SMALLEST_GAP, denoise, tv_denoise

LARGEST_CALIBRATED_SMOOTHING = 5e-3  # the weights were fitted without smoothing; far above, it is another prior


def total_variation(
    x: torch.Tensor, *, kind: str = "isotropic", colour: str = "joint", smoothing: float = 0.0
) -> torch.Tensor:
    r"""sum over pixels of |forward differences|: the Euclidean norm (isotropic) or the l1 norm (anisotropic).

    `x` is `(N, C, H, W)`, the value `(N,)`. With `colour` "joint" the norm of a pixel is taken over its channels
    too, with "channel" the channels are summed. `smoothing` replaces each norm r by sqrt(r^2 + smoothing^2) -
    smoothing, in the units of x. Differences over the border are zero.

    >>> edge = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])  # one edge, two pixels long
    >>> float(total_variation(edge))
    2.0
    """
    return PixelNorm(kind=kind, colour=colour, smoothing=smoothing).value(Gradient().apply(x))


class PixelNorm(Energy):
    """The sum over pixels of a norm of the differences `(N, C, 2, H, W)`: total variation without its gradient.

    Raises `ValueError` for another kind or colour, and a smoothing below 0.
    """

    def __init__(self, *, kind: str = "isotropic", colour: str = "joint", smoothing: float = 0.0) -> None:
        self.kind = check_choice(kind, KINDS, name="kind")
        self.colour = check_choice(colour, COLOURS, name="colour")
        self.smoothing = check_weight(smoothing, name="smoothing", single=True)

    @property
    def smooth(self) -> bool:
        return self.smoothing > 0

    @property
    def has_prox(self) -> bool:
        return not self.smooth

    @property
    def _joined(self) -> tuple[int, ...]:
        """The dimensions over which the norm of one pixel is taken."""
        return (*((1,) if self.colour == "joint" else ()), *((2,) if self.kind == "isotropic" else ()))

    def _norms(self, differences: torch.Tensor) -> torch.Tensor:
        """One norm per pixel, and per channel or direction where these are not joined; dimensions are kept."""
        joined = self._joined
        if not joined:
            return differences.abs()
        if differences.requires_grad:
            return torch.linalg.vector_norm(differences, dim=joined, keepdim=True)  # subgradient 0 at 0
        return _squared(differences).sum(joined, keepdim=True).sqrt()  # four times as fast

    def value(self, x: torch.Tensor) -> torch.Tensor:
        if self.smoothing == 0:
            return self._norms(x).flatten(1).sum(1)
        joined = self._joined
        squared = _squared(x).sum(joined) if joined else _squared(x)
        return ((squared + self.smoothing**2).sqrt() - self.smoothing).flatten(1).sum(1)

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        """Each pixel's differences shrink towards zero by `step`, in its norm."""
        if self.smooth:
            raise NotImplementedError(
                f"{self.name} with smoothing has no proximal step; it is smooth, use its gradient"
            )
        norms = self._norms(v)
        return v * (1 - per_image(step, norms) / norms.clamp_min(torch.finfo(v.dtype).tiny)).clamp_min(0)


def _squared(differences: torch.Tensor) -> torch.Tensor:
    """|d|^2 of each one, real or complex."""
    if differences.is_complex():
        return torch.view_as_real(differences).square().sum(-1)
    return differences.square()


_DIFFERENCES = Gradient()


class TotalVariation(Prior):
    r"""The total variation prior, R(x) = sum over pixels of the norm of the forward differences of x.

    `kind` "isotropic" takes the Euclidean norm of the two differences, "anisotropic" their l1 norm. `colour`
    "joint" (the default: edges of the three channels are then kept in the same place) takes the norm over the
    channels too, "channel" treats each by itself. `smoothing` above 0, in the units of x, rounds the kink off; the
    prior is then smooth and has no proximal step. `gap` is the relative duality gap at which `prox` stops,
    at the latest after `steps` iterations. Calibrated weights are for a `smoothing` of 5e-3 at most.

    Shapes: x `(N, C, H, W)`, value `(N,)`, a sum over pixels. Raises `ValueError` for another `kind` or `colour`, a
    `smoothing` below 0, a `gap` not above 0, or `steps` that are no whole number of at least 1. Source: Rudin, Osher &
    Fatemi (1992); joint colour as in Bresson & Chan (2008). Taught in chapter 10_map.
    """

    def __init__(
        self,
        *,
        kind: str = "isotropic",
        colour: str = "joint",
        smoothing: float = 0.0,
        gap: float = 1e-4,
        steps: int = 2000,
    ) -> None:
        self.norm = PixelNorm(kind=kind, colour=colour, smoothing=smoothing)
        self.kind, self.colour, self.smoothing = kind, colour, self.norm.smoothing
        self.gap, self.steps = check_positive(gap, name="gap", single=True), check_whole(steps, name="steps", least=1)

    @property
    def smooth(self) -> bool:
        return self.norm.smooth

    @property
    def has_inexact_prox(self) -> bool:
        return not self.smooth

    @property
    def prox_gap(self) -> float:
        """The relative duality gap at which `prox` stops."""
        return self.gap

    @property
    def calibration_key(self) -> str | None:
        usual = self.smoothing <= LARGEST_CALIBRATED_SMOOTHING
        return f"total_variation/{self.kind}/{self.colour}" if usual else None

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm.value(forward_differences(x) if x.ndim == 4 else _DIFFERENCES.apply(x))  # which refuses it

    def split(self) -> tuple[LinearOperator, Energy]:
        return _DIFFERENCES, self.norm

    def inexact_prox(
        self,
        v: torch.Tensor,
        step: Weight,
        *,
        bounds: Bounds | None = None,
        gap: Weight | None = None,
        start: torch.Tensor | None = None,
        steps: int | None = None,
    ) -> InexactProx:
        """The proximal step by primal-dual iterations; one that starts where another ended is not checked again."""
        if self.smooth:
            raise NotImplementedError(
                f"{self.name} with smoothing has no proximal step; it is smooth, use its gradient"
            )
        settings = {"kind": self.kind, "colour": self.colour, "bounds": bounds, "dual": start}
        settings |= {"gap": self.gap if gap is None else gap, "steps": self.steps if steps is None else steps}
        known = start is not None and v.is_floating_point() and start.shape == (v.shape[0], 2, *v.shape[1:])
        with torch.no_grad():
            x, info = (denoise if known else tv_denoise)(v, step, **settings)
        return InexactProx(x, info.gap, info.primal, info.dual, SMALLEST_GAP * torch.finfo(v.dtype).eps)
