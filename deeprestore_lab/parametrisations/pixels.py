"""The plainest parametrisation: theta is the image itself."""

import torch
from torch import nn

from deeprestore_lab.core.checks import LARGEST, check_units
from deeprestore_lab.parametrisations.base import Parametrisation


class Pixels(Parametrisation):
    r"""x = theta: the search is over the image, started at `x0`.

    `x0` is `(N, C, H, W)`; it is copied and never modified. `bounds` = (low, high) holds every value in that
    range by projection, theta <- min(max(theta, low), high), from the start on; None leaves it free. The map is
    linear and its own adjoint. Raises `ValueError` for an `x0` that is no image batch or holds values that are
    not finite, and for bounds that are not two numbers in order. Taught in chapter 10_map.

    >>> Pixels(torch.full((1, 1, 2, 2), 1.5), bounds=(0, 1))().max().item()
    1.0
    """

    linear = True

    def __init__(self, x0: torch.Tensor, *, bounds: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.bounds = check_image_bounds(bounds)
        self.theta = nn.Parameter(check_start(x0).detach().clone(memory_format=torch.contiguous_format))
        self.project_()

    def forward(self) -> torch.Tensor:
        return self.theta

    def adjoint(self, x: torch.Tensor) -> torch.Tensor:
        """The transpose of theta -> x: the identity."""
        return x


def check_start(x0: torch.Tensor) -> torch.Tensor:
    """Return `x0` if it is an image batch of finite values, else raise `ValueError`."""
    check_units(x0, name="x0")
    if not torch.isfinite(x0).all():
        raise ValueError("x0 holds values that are not finite; start from finite ones")
    return x0


def check_bounds(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return `bounds` as two floats in order, or None, else raise `ValueError`."""
    if bounds is None:
        return None
    try:
        low, high = (float(b) for b in bounds)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high:
        raise ValueError(f"bounds must be None or two numbers (low, high) in order, got {bounds!r}")
    return low, high


def check_image_bounds(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """As `check_bounds`, for the values of images. Raises `ValueError` for (0, 255) too."""
    bounds = check_bounds(bounds)
    if bounds is not None and LARGEST < bounds[1] <= 255:
        raise ValueError(f"bounds go up to {bounds[1]:g}, as if white were 255; images are in [0, 1] here: give (0, 1)")
    return bounds
