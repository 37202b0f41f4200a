r"""The inverse after a ReLU: a Gaussian held to an orthant, by Gibbs sampling. Taught in chapter 16_linear_inverse.

u = W f + b + noise, and f' = max(u, 0). Where f' > 0 it tells u; where f' = 0 it tells u <= 0 alone. Given u, f is as
before, so E(f | f') = mean + B (E(u | f') - W mean - b), and only the hidden u have to be drawn.
"""

import math

import torch

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe
from deeprestore_lab.operators.linear_inverse.dense import check_covariance, check_model, dense_inverse


def below_edge(edge: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """The x with Phi(x) = chance Phi(edge): a draw of a standard normal cut at `edge`, for a uniform `chance`.

    Far out, where Phi(edge) is no longer a number, by three Newton steps on log Phi, from the tail's leading term.

    >>> below_edge(torch.tensor([0.0, -60.0]).double(), torch.tensor([0.5, 0.5]).double()).round(decimals=3).tolist()
    [-0.674, -60.012]
    """
    x = torch.special.ndtri(chance * torch.special.ndtr(edge))
    if (far := edge < -5).any():
        goal = chance.log() + torch.special.log_ndtr(edge)
        tail = -(edge.square() - 2 * chance.log()).sqrt()
        for _ in range(3):
            log = torch.special.log_ndtr(tail)
            tail = tail - (log - goal) * torch.exp(log + tail.square() / 2 + math.log(2 * math.pi) / 2)
        x = torch.where(far, tail, x)
    return x


def hidden_mean(
    seen: torch.Tensor,
    mean: torch.Tensor,
    covariance: torch.Tensor,
    *,
    sweeps: int = 300,
    burn: int = 50,
    seed: int = 0,
) -> torch.Tensor:
    r"""E(u | max(u, 0) = seen) for u ~ N(mean, covariance), for each row of `seen` `(N, m)`, by Gibbs sampling.

    One value after the other is drawn from its law given all others, a normal cut at 0, whose inverse distribution
    function is known. The mean is over `sweeps` rounds after `burn` others, of the mean of that law in place of the
    draw (less noise, the same limit). In float64. Raises `ValueError` for what does not fit.

    >>> alone = hidden_mean(torch.zeros(1, 1), torch.zeros(1), torch.eye(1), sweeps=1, burn=0)
    >>> round(alone.item(), 4)  # - sqrt(2 / pi)
    -0.7979
    """
    fits = all(isinstance(own, torch.Tensor) for own in (seen, mean, covariance)) and seen.ndim == 2
    fits = fits and covariance.shape == (seen.shape[1], seen.shape[1])
    fits = fits and mean.shape == seen.shape[1:]
    if not fits or (seen < 0).any() or not (torch.isfinite(seen).all() and torch.isfinite(mean).all()):
        raise ValueError(
            f"expected finite maps (N, m) that are at least 0, a finite mean (m,) and a covariance (m, m), got "
            f"{describe(seen)}, {describe(mean)}, {describe(covariance)}"
        )
    sweeps, burn = check_whole(sweeps, name="sweeps", least=1), check_whole(burn, name="burn", least=0)
    seen, mean = seen.double(), mean.double()
    precision = torch.linalg.inv(check_covariance(covariance, singular=False).double())
    draw = torch.Generator().manual_seed(check_seed(seed))
    hidden = seen == 0
    away = (torch.where(hidden, mean.clamp_max(0) - 0.1, seen) - mean).mT.contiguous()  # (m, N): u less its mean
    total = torch.zeros_like(away)
    deviations = precision.diagonal().rsqrt()
    for sweep in range(burn + sweeps):
        chances = torch.rand(away.shape, generator=draw, dtype=torch.float64).clamp_min(1e-300)
        for place, own in enumerate(hidden.mT):
            if not own.any():
                continue
            deviation = deviations[place]
            centre = away[place] - (precision[place] @ away) * deviation**2
            edge = (-mean[place] - centre) / deviation
            new = centre + deviation * below_edge(edge, chances[place])
            if sweep >= burn:
                density = torch.exp(-edge.square() / 2 - torch.special.log_ndtr(edge)) / (2 * math.pi) ** 0.5
                total[place] += torch.where(own, centre - deviation * density, away[place])
            away[place] = torch.where(own, new, away[place])
    found = mean + total.mT / sweeps
    return torch.where(hidden, found, seen)


def rectified_inverse(
    seen: torch.Tensor,
    matrix: torch.Tensor,
    covariance: torch.Tensor,
    *,
    weight: float,
    mean: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    sweeps: int = 300,
    seed: int = 0,
) -> torch.Tensor:
    r"""The posterior mean of f `(N, n)` from f' = max(W f + bias + noise, 0) `(N, m)`, f ~ N(mean, covariance).

    `matrix` is W, `(m, n)`; the noise, of variance 1 / `weight` and before the ReLU, is finite here. `mean` `(n,)` and
    `bias` `(m,)` are 0 by default. The answer has the precision of `matrix`. Raises `ValueError` for what does not fit.
    """
    check_model(matrix, covariance)
    weight = check_positive(weight, name="weight", single=True)
    mean = torch.zeros(matrix.shape[1]).to(matrix) if mean is None else mean
    bias = torch.zeros(len(matrix)).to(matrix) if bias is None else bias
    for name, own, count in (("mean", mean, matrix.shape[1]), ("bias", bias, len(matrix))):
        if not isinstance(own, torch.Tensor) or own.shape != (count,):
            raise ValueError(f"{name} must be a tensor ({count},) for this matrix, got {describe(own)}")
    mean, bias = mean.to(matrix), bias.to(matrix)
    before = matrix @ mean + bias
    second = matrix @ covariance @ matrix.mT + torch.eye(len(matrix)).to(matrix) / weight
    hidden = hidden_mean(seen, before, second, sweeps=sweeps, burn=sweeps // 5, seed=seed)
    return mean + (hidden.to(matrix) - before) @ dense_inverse(matrix, covariance, weight=weight).mT
