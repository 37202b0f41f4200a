"""The shape of filters: a Gabor function fitted to each, and what it says of place, orientation and band.

Taught in chapter 14_learned_filters.
"""

import math
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.measures.gabor_fit import fit_gabors
from deeprestore_lab.signal.filters import check_bank

EXPLAINED, COMPACT = 0.75, 0.75  # the least share a Gabor explains; the largest envelope, of a flat patch's spread
HALF = 0.5  # of the amplitude: where a band ends


@dataclass(frozen=True)
class FilterShapes:
    r"""What a Gabor function fitted to each of K filters says; every field is `(K,)`.

    `explained` is the share of the filter's energy that the fit has; `angle` the direction in which the wave runs,
    degrees from 0 to 180, counter-clockwise from the horizontal (bars stand at a right angle to it); `frequency` where
    its spectrum is largest, in cycles a pixel; `bandwidth` the octaves between the frequencies of half the amplitude
    along the wave, infinite where the low one does not exist; `along` and `across` the envelope's standard deviations
    in pixels, along the wave and across it; `turned` the amplitude of the same frequency at a right angle, over the
    largest one.
    """

    explained: torch.Tensor
    angle: torch.Tensor
    frequency: torch.Tensor
    bandwidth: torch.Tensor
    along: torch.Tensor
    across: torch.Tensor
    turned: torch.Tensor
    size: int

    @property
    def fitted(self) -> torch.Tensor:
        """Whether a Gabor function explains at least three quarters of the filter."""
        return self.explained >= EXPLAINED

    @property
    def localised(self) -> torch.Tensor:
        """Fitted, and its energy's spread (along times across) at most (3/4)^2 of that of a patch evenly filled."""
        spread = (self.along * self.across).sqrt() / math.sqrt(2)
        return self.fitted & (spread <= COMPACT * self.size / math.sqrt(12))

    @property
    def oriented(self) -> torch.Tensor:
        """Fitted, and less than half of the response is left when the wave is turned by a right angle."""
        return self.fitted & (self.turned < HALF)

    @property
    def band_pass(self) -> torch.Tensor:
        """Fitted, and the response falls to half towards frequency 0 too."""
        return self.fitted & self.bandwidth.isfinite()

    @property
    def share(self) -> float:
        """The share of filters that are localised, oriented and band-pass."""
        return float((self.localised & self.oriented & self.band_pass).double().mean())


def filter_shapes(bank: torch.Tensor, *, steps: int = 40) -> FilterShapes:
    r"""Fit g(t, r) = exp(-t^2/2s^2 - r^2/2q^2) (a cos 2 pi f t + b sin 2 pi f t) to each filter by least squares.

    `bank` is `(K, n, n)`; t and r run along the wave and across it, from a centre that is fitted too: eight numbers for
    n^2 pixels. The fit starts from the best of a grid of Gabors at each of three widths and goes on by
    Levenberg-Marquardt, all filters at once. The more pixels, the less a fit explains by chance: of random filters half
    at 5 x 5, a quarter at 8 x 8; at 4 x 4 one in five would pass as fitted, so smaller than 5 x 5 is refused. Raises
    `ValueError` for that, and for filters that are not square or zero. Source: Jones & Palmer (1987) for fitting
    receptive fields. Taught in chapter 14_learned_filters.

    >>> from deeprestore_lab.signal.filters import gabor_filters
    >>> x = torch.arange(8.0) - 3.5
    >>> wave = torch.exp(-(x**2 + x[:, None] ** 2) / 8) * torch.cos(2 * torch.pi * 0.25 * x)
    >>> shapes = filter_shapes(wave[None])
    >>> round(float(shapes.explained), 3), round(float(shapes.frequency), 2), round(float(shapes.along), 2)
    (1.0, 0.25, 2.0)
    """
    check_bank(bank), check_whole(steps, name="steps", least=1)
    if bank.shape[1] != bank.shape[2] or bank.shape[1] < 5 or not (bank.flatten(1).norm(dim=1) > 0).all():
        raise ValueError(f"filters must be square, at least 5 x 5, and not zero, got {tuple(bank.shape)}")
    return _described(*fit_gabors(bank, steps=steps), bank.shape[1])


def _described(p: torch.Tensor, explained: torch.Tensor, size: int) -> FilterShapes:
    angle, f, along, across = p[:, 2], p[:, [3]], p[:, [4]].exp(), p[:, [5]].exp()
    grid = torch.linspace(0, 1, 1001, dtype=torch.float64)

    def amplitude(x: torch.Tensor) -> torch.Tensor:
        """Of the fit's spectrum at frequencies x along the wave, up to a factor."""
        up, down = (torch.exp(-(2 * math.pi * along * (x - s * f)).square() / 2) for s in (1, -1))
        return torch.hypot(p[:, [6]] * (up + down), p[:, [7]] * (up - down))

    response = amplitude(grid)
    largest, top = response.max(1, keepdim=True)
    peak = grid[top]
    below = response < HALF * largest
    inside = torch.arange(len(grid))
    low = torch.where(below & (inside < top), inside, -1).amax(1)
    high = torch.where(below & (inside > top), inside, len(grid) - 1).amin(1)
    octaves = torch.log2(grid[high] / grid[low.clamp_min(1)])
    bandwidth = torch.where(low < 0, math.inf, octaves)
    turned = amplitude(torch.zeros(1, dtype=torch.float64)) * torch.exp(-(2 * math.pi * across * peak).square() / 2)
    return FilterShapes(
        explained,
        torch.rad2deg(angle) % 180,
        peak[:, 0],
        bandwidth,
        along[:, 0],
        across[:, 0],
        (turned / largest)[:, 0],
        size,
    )
