"""The image by frequencies and by colours that do not go together, squeezed into (0, 1)."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images, check_weight, describe
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.fourier import frequency_scale, hartley
from deeprestore_lab.parametrisations.pixels import check_start

# `colour_axes` of the training photographs: light, red against blue, green against purple. A test computes them.
COLOUR_AXES = ((0.630, 0.331, 0.029), (0.571, -0.096, -0.089), (0.526, -0.292, 0.062))


class DecorrelatedFourier(Parametrisation):
    r"""x = sigmoid(C T (s * theta)): frequencies and colours weighed as in photographs, values in (0, 1).

    T is the Hartley transform and s one factor per frequency, those of `Fourier` with its `decay`. C `(3, 3)`, applied
    to the three channels of each pixel, is `colour_axes` of the training photographs, or `colours` of your own: its
    columns are the directions in which colours vary, each as long as its share, so a step in theta moves light more
    than hue. The sigmoid stands in the place of bounds. theta has the shape of the image and starts where x is `x0`,
    drawn into [0.01, 0.99]. The set of pictures is that of all in (0, 1): only the path of a gradient method differs,
    and where it is after some steps. Not linear. Raises `ValueError` for an `x0` that is no batch of finite colour
    images, for colours that are no invertible matrix and for a decay that is not a finite number of at least 0.
    Source: Olah, Mordvintsev & Schubert (2017), "Feature visualization", as in the library lucid. Differs from it in
    the Hartley form, in C, and in that s has a mean square of 1. Taught in chapter 20_visualisation.

    >>> x0 = torch.full((1, 3, 4, 4), 0.25)
    >>> bool(torch.allclose(DecorrelatedFourier(x0)(), x0, atol=1e-6))
    True
    """

    def __init__(self, x0: torch.Tensor, *, decay: float = 1.0, colours: torch.Tensor | None = None) -> None:
        super().__init__()
        decay = check_weight(decay, name="decay", single=True)
        x0 = check_images(check_start(x0), name="x0", channels=3).detach()
        self.register_buffer("scale", frequency_scale(x0.shape[-2], x0.shape[-1], decay=decay).to(x0))
        self.register_buffer("colours", check_colours(colours).to(x0))
        before = torch.einsum("dc,nchw->ndhw", torch.linalg.inv(self.colours), torch.logit(x0.clamp(0.01, 0.99)))
        self.theta = nn.Parameter(hartley(before) / self.scale)

    def forward(self) -> torch.Tensor:
        return torch.sigmoid(torch.einsum("cd,ndhw->nchw", self.colours, hartley(self.scale * self.theta)))


def colour_axes(x: torch.Tensor) -> torch.Tensor:
    r"""C = U S^{1/2} / max column, from the covariance U S U^T of the colours of `x` `(N, 3, H, W)`: `(3, 3)`, float64.

    Columns are the principal axes of the colours of all pixels together, longest first, each as long as its standard
    deviation over that of the first, its first entry not negative. C^{-1} makes colours uncorrelated, all with the
    same variance. Raises `ValueError` for what is no batch of colour images, and where the colours lie in a plane.

    >>> grey = torch.rand(1, 1, 8, 8, dtype=torch.float64)
    >>> axes = colour_axes(grey + 0.1 * torch.rand(1, 3, 8, 8, dtype=torch.float64))
    >>> axes.norm(dim=0)[0].item(), bool((axes[:, 0] > 0.5).all())
    (1.0, True)
    """
    rows = check_images(x, channels=3).detach().double().movedim(1, 0).flatten(1)
    values, vectors = torch.linalg.eigh(torch.cov(rows, correction=0))
    if not values[0] > 1e-9 * values[2]:
        raise ValueError("the colours of x lie in a plane, so they have no three axes")
    axes = vectors * (values / values[-1]).sqrt()
    axes = axes.flip(1)
    return axes * torch.where(axes[0] < 0, -1.0, 1.0)


def check_colours(colours: torch.Tensor | None) -> torch.Tensor:
    """The matrix C, that of photographs where none is given. Raises `ValueError` unless it is invertible."""
    if colours is None:
        return torch.tensor(COLOUR_AXES, dtype=torch.float64)
    if not isinstance(colours, torch.Tensor) or colours.shape != (3, 3) or not colours.is_floating_point():
        raise ValueError(f"colours must be a float tensor (3, 3), got {describe(colours)}")
    singular = torch.linalg.svdvals(colours.double()) if torch.isfinite(colours).all() else torch.zeros(3)
    if not singular[-1] > 1e-6 * singular[0]:
        raise ValueError("colours must be finite and invertible, got a matrix that is not")
    return colours.detach().double()
