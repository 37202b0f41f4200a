"""The image by its frequencies: theta holds real Fourier coefficients, scaled to the spectrum of photographs."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_weight
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.pixels import check_start


class Fourier(Parametrisation):
    r"""x = T (s * theta), with T the real form of the discrete Fourier transform and s one factor per frequency.

    (T v)_p = sum_k v_k [cos(2 pi k.p) + sin(2 pi k.p)] / sqrt(H W), with k in cycles per pixel: the discrete Hartley
    transform, real, orthonormal, symmetric and its own inverse, and computed as Re F - Im F of the unitary FFT.
    theta has the shape of the image, `(N, C, H, W)`, in the layout of `torch.fft.fft2`. s_k is proportional to
    1 / max(|k|, 1 / max(H, W))^decay, with a mean square of 1: `decay` 0 makes the map orthonormal, 1 gives the
    spectrum of natural photographs, for which a step in theta moves low frequencies most. The set of images is that of
    `Pixels`; only the path of a gradient method differs. The map is linear with `adjoint`.

    Source: Olah, Mordvintsev & Schubert (2017), "Feature visualization", section on preconditioning. Differs from it
    in the Hartley form, which has no redundant numbers, and leaves colours and the range as they are. Raises
    `ValueError` for an `x0` that is no image batch and for a `decay` that is not a finite number of at least 0.
    Taught in chapter 10_map.
    """

    linear = True

    def __init__(self, x0: torch.Tensor, *, decay: float = 1.0) -> None:
        super().__init__()
        decay = check_weight(decay, name="decay", single=True)
        x0 = check_start(x0).detach()
        self.decay = decay
        self.register_buffer("scale", frequency_scale(x0.shape[-2], x0.shape[-1], decay=self.decay).to(x0))
        self.theta = nn.Parameter(hartley(x0) / self.scale)

    def forward(self) -> torch.Tensor:
        return hartley(self.scale * self.theta)

    def adjoint(self, x: torch.Tensor) -> torch.Tensor:
        """The transpose of theta -> x."""
        return self.scale * hartley(x)


def hartley(x: torch.Tensor) -> torch.Tensor:
    """The orthonormal discrete Hartley transform over the last two dimensions; applied twice it gives `x` back.

    >>> x = torch.rand(1, 1, 4, 6)
    >>> bool(torch.allclose(hartley(hartley(x)), x, atol=1e-6))
    True
    """
    spectrum = torch.fft.fft2(x, norm="ortho")
    return spectrum.real - spectrum.imag


def frequency_scale(height: int, width: int, *, decay: float) -> torch.Tensor:
    """s_k = max(|k|, 1 / max(H, W))^-decay over the root of its mean square, `(H, W)`, in float64."""
    down, across = (torch.fft.fftfreq(n, dtype=torch.float64) for n in (height, width))
    frequency = torch.sqrt(down[:, None] ** 2 + across**2).clamp_min(1 / max(height, width))
    scale = frequency**-decay
    return scale / scale.square().mean().sqrt()
