"""The image as a sum of few atoms: x = D theta with a penalty on the size of theta."""

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.core.checks import check_choice, check_weight, check_whole, describe, per_image
from deeprestore_lab.core.machine import check_device
from deeprestore_lab.energies import Weight
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.pixels import check_start
from deeprestore_lab.signal.filters import cosine_filters

TRANSFORMS = ("dct", "dct_frame")
SIDE = 8


class Dictionary(Parametrisation):
    r"""x = D theta with S(theta) = weight * ||theta||_1: few atoms should do.

    The atoms are the 64 cosine patterns of an 8 x 8 block (DCT-II), of each channel by itself. `transform` "dct" puts
    them on a grid of blocks: D is orthonormal, and H and W must be multiples of 8. "dct_frame" puts them at every pixel
    with a circular border, each of norm 1/8: 64 times as many atoms as pixels, with D D^T = I (a tight frame), and no
    visible blocks.

    theta is `(N, C, 64, H / 8, W / 8)` or `(N, C, 64, H, W)`, the pattern of index 8 i + j having i half waves down and
    j across; it starts at D^T x0, so that x starts at `x0`. A tuple (N, C, H, W) for `x0` starts at zero. theta lies
    on `device`, where one is given, else where `x0` does. `weight` is
    in nats for a coefficient of 1, a float or `(N,)`. `free_mean` leaves the pattern 0, a block's mean, out of the
    penalty. With "dct" the minimum of ||x - y||^2 / (2 sigma^2) + S is D^T y soft-thresholded at weight * sigma^2.

    Raises `ValueError` for an unknown transform, a size that does not fit, or weights that do not match the batch.
    Source: Elad (2010), "Sparse and redundant representations", chapters 9 and 14 (synthesis form). Taught in 10_map.
    """

    linear = True
    smooth_penalty = False

    def __init__(
        self,
        x0: torch.Tensor | tuple[int, int, int, int],
        *,
        weight: Weight,
        transform: str = "dct",
        free_mean: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.transform, self.free_mean = check_choice(transform, TRANSFORMS, name="transform"), bool(free_mean)
        x0 = _start(x0, check_device(device)).detach()
        side = SIDE if transform == "dct" else 1
        if x0.shape[-2] % side or x0.shape[-1] % side:
            raise ValueError(f"transform 'dct' needs height and width in multiples of {SIDE}, got {tuple(x0.shape)}")
        if min(x0.shape[-2:]) < SIDE:
            raise ValueError(f"images must be at least {SIDE} pixels high and wide, got {tuple(x0.shape)}")
        self.weight = check_weight(weight)
        if isinstance(self.weight, torch.Tensor) and self.weight.shape[0] not in (1, x0.shape[0]):
            raise ValueError(f"{self.weight.shape[0]} weights were given for a batch of {x0.shape[0]} images")
        self.register_buffer("atoms", _atoms(x0) / (1 if transform == "dct" else SIDE))
        self.theta = nn.Parameter(self.adjoint(x0))

    def forward(self) -> torch.Tensor:
        theta = self.theta.flatten(0, 1)
        if self.transform == "dct":
            x = functional.conv_transpose2d(theta, self.atoms, stride=SIDE)
        else:
            before = functional.pad(theta, (SIDE - 1, 0, SIDE - 1, 0), mode="circular")
            x = functional.conv2d(before, self.atoms.flip(-1, -2).transpose(0, 1))
        return x.unflatten(0, self.theta.shape[:2]).squeeze(2)

    def adjoint(self, x: torch.Tensor) -> torch.Tensor:
        """D^T x: the inner product of the image with every atom."""
        flat = x.flatten(0, 1)[:, None]
        if self.transform == "dct":
            theta = functional.conv2d(flat, self.atoms, stride=SIDE)
        else:
            theta = functional.conv2d(functional.pad(flat, (0, SIDE - 1, 0, SIDE - 1), mode="circular"), self.atoms)
        return theta.unflatten(0, x.shape[:2])

    def penalty(self) -> torch.Tensor:
        size = self.theta[:, :, 1 if self.free_mean else 0 :].abs().flatten(1).sum(1)
        return per_image(self.weight, size) * size

    def penalty_prox(self, theta: torch.Tensor, step: Weight) -> torch.Tensor:
        """Every penalised coefficient moves towards zero by step * weight, and no further than zero."""
        threshold = per_image(step, theta) * per_image(self.weight, theta)
        shrunk = theta.sign() * (theta.abs() - threshold).clamp_min(0)
        if self.free_mean:
            shrunk[:, :, 0] = theta[:, :, 0]
        return shrunk


def _start(x0: torch.Tensor | tuple[int, int, int, int], device: torch.device | None) -> torch.Tensor:
    if isinstance(x0, torch.Tensor):
        return check_start(x0).to(x0.device if device is None else device)
    if not isinstance(x0, tuple | list) or len(x0) != 4:
        raise ValueError(f"x0 must be an image batch or its shape (N, C, H, W), got {describe(x0)}")
    return torch.zeros([check_whole(n, name="a side of x0", least=1) for n in x0], device=device)


def _atoms(like: torch.Tensor) -> torch.Tensor:
    """The 64 orthonormal patterns as filters, `(64, 1, 8, 8)`."""
    return cosine_filters(SIDE, dtype=torch.float64).to(like)[:, None]
