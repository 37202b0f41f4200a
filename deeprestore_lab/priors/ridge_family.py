"""One ridge regulariser for all noise levels, with learned filters and potentials.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from deeprestore_lab.core.checks import check_level, check_units, check_whole
from deeprestore_lab.networks.trained import trained
from deeprestore_lab.priors.placed_filters import curvature_bound
from deeprestore_lab.priors.ridge_potentials import curvature_curves
from deeprestore_lab.priors.ridge_regulariser import SHAPES, RidgeRegulariser

LEVELS = (5 / 255, 15 / 255, 25 / 255, 50 / 255)  # where scales are learned; lines in logarithms between
MOST_CONCAVE = 0.99  # what the weak convexity of R is held below; the data term's is 1
GRID = 128  # frequencies in each direction, of the bound
QUICK = 6.0  # times as fast as filters do scales move under one step size: they have further to go
ACCURACY = 5e-3
BORDER = 12  # pixels that a picture is continued by, mirrored, while it is denoised


class RidgeFamily(nn.Module):
    r"""R_sigma(x) = weight(sigma) sum_k sum_p psi_k(a_k(sigma) (w_k * x)_p) / a_k(sigma)^2, to be learned.

    The scales a_k(sigma) stretch a potential without a change of its curvature, so that one bound holds for all levels
    of the noise: R_sigma is at most `MOST_CONCAVE` from convex (what is learned is divided by what it has above that),
    and 1/2 ||x - y||^2 + R_sigma(x) has one minimum. log a_k and the logit of the weight, which is below 1, are lines
    in log sigma between `LEVELS`, and go on as lines below and above. Filters have no mean: they are combinations of
    the cosines of a patch of `size` x `size`, without the constant. They start as these cosines, with potentials near
    Student-t, as in Chen, Ranftl & Pock (2014).

    `at(sigma)` is the energy of a level, `R_sigma / sigma^2` in nats. Raises `ValueError` for sizes below 2 and more
    than size^2 - 1 filters. Source: Goujon, Neumayer & Unser (2024), with scales and weights for each filter.
    Taught in chapter 14_learned_filters.
    """

    def __init__(self, *, size: int = 7, count: int | None = None) -> None:
        super().__init__()
        size = check_whole(size, name="size", least=2)
        count = check_whole(size**2 - 1 if count is None else count, name="count", least=1, most=size**2 - 1)
        self.register_buffer("basis", cosines(size), persistent=False)  # (size^2 - 1, size^2)
        self.size = size
        self.coefficients = nn.Parameter(torch.eye(size**2 - 1)[:count].clone())
        start = torch.tensor([6.0, 1.0, 0.0])  # one for each of `SHAPES`
        self.weights = nn.Parameter((start / size**2).repeat(count, 1))
        level = torch.tensor(LEVELS).log()
        self.log_scales = nn.Parameter(((math.log(3.0) - 0.9 * level) / QUICK).repeat(count, 1))
        self.strengths = nn.Parameter(torch.full((len(LEVELS),), 3.0 / QUICK))

    @classmethod
    def trained(cls) -> RidgeFamily:
        """The shipped family: 48 filters of 7 x 7, learned from free photographs; card `ridge_regulariser`."""
        return trained(cls(), "ridge_regulariser")

    def convex(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Filters `(K, 1, size, size)` and weights `(K, J)` of potentials without a scale, within the bound."""
        filters = (self.coefficients @ self.basis).view(-1, 1, self.size, self.size)
        most = -curvature_curves(self.weights, SHAPES).min(1).values
        bound = curvature_bound(filters, most, grid=GRID) / MOST_CONCAVE
        return filters, self.weights / bound.clamp_min(1.0)

    def stretched(self, convex: tuple[torch.Tensor, torch.Tensor], sigma: float) -> RidgeRegulariser:
        """R_sigma, made of what `convex` gave."""
        filters, weights = convex
        share = _shares(sigma, self.log_scales)
        scales = (QUICK * self.log_scales @ share).exp()[:, None]
        weight = torch.sigmoid(QUICK * self.strengths @ share)  # at most 1
        return RidgeRegulariser(scales[..., None, None] * filters, weight * weights / scales.square())

    def at(self, sigma: float, *, border: str = "valid") -> RidgeRegulariser:
        """The energy for noise of the level `sigma`, in nats, to be added to a `GaussianLikelihood` of that sigma.

        Its weak convexity is at most MOST_CONCAVE / sigma^2 where `border` is "valid"; "mirror" is for a picture whose
        edges matter: see `RidgeRegulariser`. Raises `ValueError` for a level not between 0 and 1 and another border.
        """
        with torch.no_grad():
            sigma = check_level(sigma, single=True)
            one = self.stretched(self.convex(), sigma)
            return RidgeRegulariser(one.filters, one.weights / sigma**2, border=border)

    def denoised(self, y: torch.Tensor, sigma: float) -> torch.Tensor:
        """argmin over x of ||x - y||^2 / (2 sigma^2) + R_sigma(x) / sigma^2, with y continued as in a mirror.

        Filters see less of pixels near the border of a picture. Here the picture is `BORDER` pixels larger on each
        side, and cut again. It stops where the root mean square of the gradient of 1/2 ||x - y||^2 + R_sigma(x) is
        `ACCURACY` sigma: more changes no PSNR by a hundredth of a decibel. Raises `ValueError` for what is no picture
        in [0, 1] with noise, and for a level that is none.
        """
        check_units(y, name="y"), check_level(sigma, single=True)
        border = min(BORDER, *y.shape[2:])
        found = self.at(sigma).prox(mirrored(y, border), float(sigma) ** 2, tolerance=ACCURACY * float(sigma))
        return found[..., border:-border, border:-border]


def mirrored(x: torch.Tensor, border: int) -> torch.Tensor:
    """`x` continued on each side by its own mirror image, the last pixel repeated.

    >>> mirrored(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 1)[0, 0, 0].tolist()
    [1.0, 1.0, 2.0, 3.0, 3.0]
    """
    for side in (-1, -2):
        first, last = x.narrow(side, 0, border), x.narrow(side, x.shape[side] - border, border)
        x = torch.cat([first.flip(side), x, last.flip(side)], side)
    return x


def cosines(size: int) -> torch.Tensor:
    """The orthonormal cosines of a patch, without the constant: `(size^2 - 1, size^2)`.

    >>> c = cosines(3)
    >>> bool(torch.allclose(c @ c.T, torch.eye(8), atol=1e-6))
    True
    """
    n = torch.arange(size, dtype=torch.float64)
    rows = torch.cos(math.pi / size * (n + 0.5) * n[:, None])
    rows = rows / rows.norm(dim=1, keepdim=True)
    return torch.kron(rows, rows)[1:].float()


def _shares(sigma: float, like: torch.Tensor) -> torch.Tensor:
    """What each of `LEVELS` counts at sigma: the two around it (the two nearest, outside) make a line in log sigma."""
    knots, at = [math.log(level) for level in LEVELS], math.log(sigma)
    left = max(0, min(sum(knot <= at for knot in knots) - 1, len(knots) - 2))
    right = (at - knots[left]) / (knots[left + 1] - knots[left])
    shares = like.new_zeros(len(knots))
    shares[left], shares[left + 1] = 1 - right, right
    return shares
