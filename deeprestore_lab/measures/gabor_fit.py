"""A Gabor function fitted to each of several filters by least squares."""

import math

import torch

WIDTHS, FREQUENCIES, ANGLES, PLACES = (0.1, 0.2, 0.35), (0.08, 0.16, 0.25, 0.35, 0.47), 8, 4  # where fits start
LOWEST, HIGHEST = 0.4, math.sqrt(0.5)  # pixels of the narrowest envelope; cycles a pixel along the diagonal


def fit_gabors(bank: torch.Tensor, *, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The eight numbers of each filter's Gabor `(K, 8)`, and the share of the filter's energy that it has, `(K,)`.

    `bank` is `(K, n, n)`, as `filter_shapes` checks it. The numbers are the centre's two, the angle, the frequency, the
    logarithms of the envelope's spreads along the wave and across it, and the amplitudes of cosine and sine.
    """
    size = bank.shape[1]
    target = torch.nn.functional.normalize(bank.detach().double().cpu().flatten(1), dim=1)  # (K, P)
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    u, v = place.repeat(size), (-place).repeat_interleave(size)  # to the right, and up
    starts = _starts(target, u, v, size)  # (3, K, 8)
    parameters, error = _levenberg(starts.flatten(0, 1), target.repeat(len(starts), 1), u, v, size, steps)
    error = error.unflatten(0, starts.shape[:2])
    best = error.argmin(0)
    chosen = parameters.unflatten(0, starts.shape[:2])[best, torch.arange(len(bank))]
    return chosen, 1 - error.amin(0)


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
