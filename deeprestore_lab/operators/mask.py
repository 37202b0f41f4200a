"""Missing pixels: inpainting's forward operator. Taught in chapter 10_map."""

import torch

from deeprestore_lab.core.checks import check_positive, check_whole, describe, per_image
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.base import LinearOperator


class Mask(LinearOperator):
    r"""A x = mask * x, value by value: 1 where a pixel was seen, 0 where it is missing, or weights of at least 0.

    `mask` is bool or float, `(H, W)`, `(C, H, W)` or `(N, C, H, W)`, with C or N of 1 for all; it is used in the
    precision and on the device of x. The operator is its own adjoint. Raises `ValueError` for negative or
    non-finite weights, or an image that the mask does not fit.

    >>> Mask(torch.tensor([[True, False]]))(torch.full((1, 1, 1, 2), 0.5)).tolist()
    [[[[0.5, 0.0]]]]
    """

    image_units = True

    def __init__(self, mask: torch.Tensor) -> None:
        if not isinstance(mask, torch.Tensor) or mask.ndim not in (2, 3, 4) or mask.numel() == 0 or mask.is_complex():
            raise ValueError(f"mask must be a tensor (H, W), (C, H, W) or (N, C, H, W), got {describe(mask)}")
        if mask.is_floating_point() and not (torch.isfinite(mask).all() and (mask >= 0).all()):
            raise ValueError("mask must hold finite weights of at least 0")
        if not mask.is_floating_point() and mask.dtype != torch.bool and not ((mask == 0) | (mask == 1)).all():
            raise ValueError(f"an integer mask must hold 0 and 1 alone, got values from {mask.min()} to {mask.max()}")
        self.mask = mask.reshape(*[1] * (4 - mask.ndim), *mask.shape)
        self._constants = Constants(self.mask)

    def _weights(self, x: torch.Tensor) -> torch.Tensor:
        fits = x.ndim == 4 and x.shape[-2:] == self.mask.shape[-2:]
        if not fits or self.mask.shape[0] not in (1, x.shape[0]) or self.mask.shape[1] not in (1, x.shape[1]):
            raise ValueError(f"a mask of shape {tuple(self.mask.shape)} does not fit {describe(x)}")
        return self._constants.like(x)[0]

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return self._weights(x) * x

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return self._weights(y) * y

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        return y / (self._weights(y).square() + per_image(check_positive(rho, name="rho"), y))

    def norm(self, x: torch.Tensor) -> float | torch.Tensor:
        """The largest weight, of each image where it has a mask of its own."""
        largest = self.mask.flatten(1).amax(1)
        return largest.to(x.real) if len(largest) > 1 else float(largest)


class Crop(LinearOperator):
    """A x = x without a frame of `margin` pixels: what a camera sees of a scene that goes on outside its picture.

    `Crop(r) @ Blur(kernel)` is a blur whose border is not made up, for a kernel that reaches r pixels far. Raises
    `ValueError` for a margin below 0 or an image with nothing left.
    """

    image_units = True

    def __init__(self, margin: int) -> None:
        self.margin = check_whole(margin, name="margin (in pixels)", least=0)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        if min(x.shape[-2:]) <= 2 * self.margin:
            raise ValueError(f"a margin of {self.margin} leaves nothing of {describe(x)}")
        return x[..., self.margin : x.shape[-2] - self.margin, self.margin : x.shape[-1] - self.margin]

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(y, (self.margin,) * 4)

    def solve(self, y: torch.Tensor, rho: float | torch.Tensor) -> torch.Tensor:
        return y / (self.adjoint(torch.ones_like(self.apply(y))) + per_image(check_positive(rho, name="rho"), y))

    def norm(self, x: torch.Tensor) -> float:
        """1."""
        return 1.0
