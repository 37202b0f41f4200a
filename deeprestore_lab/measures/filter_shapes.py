"""The shape of filters: a Gabor function fitted to each, and what it says of place, orientation and band.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.signal.filters import check_bank

EXPLAINED, COMPACT = 0.75, 0.75  # the least share a Gabor explains; the largest envelope, of a flat patch's spread
WIDTHS, FREQUENCIES, ANGLES, PLACES = (0.1, 0.2, 0.35), (0.08, 0.16, 0.25, 0.35, 0.47), 8, 4  # where fits start
LOWEST, HIGHEST = 0.4, math.sqrt(0.5)  # pixels of the narrowest envelope; cycles a pixel along the diagonal
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
    size = bank.shape[1]
    target = torch.nn.functional.normalize(bank.detach().double().cpu().flatten(1), dim=1)  # (K, P)
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    u, v = place.repeat(size), (-place).repeat_interleave(size)  # to the right, and up
    starts = _starts(target, u, v, size)  # (3, K, 8)
    parameters, error = _levenberg(starts.flatten(0, 1), target.repeat(len(starts), 1), u, v, size, steps)
    error = error.unflatten(0, starts.shape[:2])
    best = error.argmin(0)
    chosen = parameters.unflatten(0, starts.shape[:2])[best, torch.arange(len(bank))]
    return _described(chosen, 1 - error.amin(0), size)


def _parts(p: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """t, r, the envelope, and the envelope times cosine and sine, each `(B, P)`."""
    cx, cy, angle, f, along, across = (p[:, [i]] for i in range(6))
    t = angle.cos() * (u - cx) + angle.sin() * (v - cy)
    r = angle.cos() * (v - cy) - angle.sin() * (u - cx)
    envelope = torch.exp(-(t / along.exp()).square() / 2 - (r / across.exp()).square() / 2)
    phase = 2 * math.pi * f * t
    return t, r, envelope * phase.cos(), envelope * phase.sin()


def _starts(target: torch.Tensor, u: torch.Tensor, v: torch.Tensor, size: int) -> torch.Tensor:
    """For each width of a grid of Gabors the one that explains most of each filter, `(3, K, 8)`."""
    places = (torch.arange(PLACES, dtype=torch.float64) + 0.5) * size / PLACES - size / 2
    angles = torch.arange(ANGLES, dtype=torch.float64) * math.pi / ANGLES
    found = []
    for width in WIDTHS:
        spread = torch.tensor([math.log(max(width * size, 2 * LOWEST))], dtype=torch.float64)
        grid = torch.cartesian_prod(
            places, places, angles, torch.tensor(FREQUENCIES, dtype=torch.float64), spread, spread
        )
        _, _, even, odd = _parts(grid, u, v)
        length = even.norm(dim=1, keepdim=True)
        first = even / length
        across = (odd * first).sum(1, keepdim=True)
        second = odd - across * first
        second_length = second.norm(dim=1, keepdim=True).clamp_min(1e-6)
        second = second / second_length
        one, two = target @ first.mT, target @ second.mT  # (K, G)
        best = (one.square() + two.square()).argmax(1)
        b = two.gather(1, best[:, None]) / second_length[best]
        a = one.gather(1, best[:, None]) / length[best] - b * across[best] / length[best]
        found.append(torch.cat([grid[best], a, b], dim=1))
    return torch.stack(found)


def _levenberg(
    p: torch.Tensor, target: torch.Tensor, u: torch.Tensor, v: torch.Tensor, size: int, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Damped Gauss-Newton steps for every fit by itself; parameters `(B, 8)` and the squared error `(B,)`."""
    low = torch.tensor([-size / 2, -size / 2, -math.inf, 0.0, *[math.log(LOWEST)] * 2, *[-50.0] * 2]).double()
    high = torch.tensor([size / 2, size / 2, math.inf, HIGHEST, *[math.log(2.0 * size)] * 2, *[50.0] * 2]).double()

    def residual(p: torch.Tensor) -> torch.Tensor:
        _, _, even, odd = _parts(p, u, v)
        return p[:, [6]] * even + p[:, [7]] * odd - target

    p = p.clamp(low, high)
    error, damping = residual(p).square().sum(1), p.new_full((len(p),), 1e-2)
    for _ in range(steps):
        slopes, left = _jacobian(p, u, v), residual(p)
        gram = slopes @ slopes.mT  # (B, 8, 8)
        diagonal = gram.diagonal(dim1=1, dim2=2)
        damped = gram + torch.diag_embed(damping[:, None] * (diagonal + 1e-9))
        step = torch.linalg.solve(damped, (slopes @ left[..., None]))[..., 0]
        tried = (p - step).clamp(low, high)
        new = residual(tried).square().sum(1)
        better = new < error
        p, error = torch.where(better[:, None], tried, p), torch.where(better, new, error)
        damping = torch.where(better, damping / 3, damping * 4).clamp(1e-9, 1e6)
    return p, error


def _jacobian(p: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The derivative of the fit in each of its eight numbers, `(B, 8, P)`."""
    t, r, even, odd = _parts(p, u, v)
    cosine, sine, f, a, b = p[:, [2]].cos(), p[:, [2]].sin(), p[:, [3]], p[:, [6]], p[:, [7]]
    along, across = t / p[:, [4]].exp().square(), r / p[:, [5]].exp().square()
    fit, wave = a * even + b * odd, 2 * math.pi * (b * even - a * odd)
    by_t, by_r = f * wave - along * fit, -across * fit
    rows = [-cosine * by_t + sine * by_r, -sine * by_t - cosine * by_r, r * by_t - t * by_r]
    return torch.stack([*rows, t * wave, t * along * fit, r * across * fit, even, odd], dim=1)


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
