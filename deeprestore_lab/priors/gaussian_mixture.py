r"""A mixture of Gaussians of low rank: a prior of real pictures whose every noised version and posterior is known.

p(x) = sum_k pi_k N(x; mu_k, C_k),  C_k = U_k S_k U_k^T + v_k I. Noise of level sigma adds sigma^2 to each v_k; a linear
measurement leaves a mixture (`sampling.mixture_posterior`). Taught in chapter 21_sampling.
"""

from __future__ import annotations

import math

import torch

from deeprestore_lab.core.checks import check_images, check_positive, check_seed, check_weight, check_whole, describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.priors.base import Prior


class GaussianMixture(Prior):
    r"""-log sum_k pi_k N(x; mu_k, U_k S_k U_k^T + v_k I), in nats with its constant.

    `weights` pi `(K,)` with sum 1, `means` `(K, C, H, W)`, `directions` U `(K, D, r)` with orthonormal columns, D = C H
    W, `excess` S `(K, r)` at least 0, `floor` v `(K,)` above 0. `posterior_mean(y, sigma)` is the mean of x given y = x
    + sigma n, exactly; `sampling.score` makes y's score of it. Shapes: x `(N, C, H, W)`, value `(N,)`. Raises
    `ValueError` for parts that do not fit each other, and for images of another shape. Source: Tipping & Bishop (1999)
    for mixtures of principal components. Taught in chapter 21_sampling.

    >>> one = GaussianMixture(torch.ones(1), torch.zeros(1, 1, 1, 2), torch.tensor([[[1.0], [0.0]]]),
    ...     torch.tensor([[3.0]]), torch.ones(1))  # variances 4 and 1
    >>> one.posterior_mean(torch.ones(1, 1, 1, 2), 2.0).flatten()
    tensor([0.5000, 0.2000])
    """

    def __init__(
        self,
        weights: torch.Tensor,
        means: torch.Tensor,
        directions: torch.Tensor,
        excess: torch.Tensor,
        floor: torch.Tensor,
    ) -> None:
        check_images(means, name="means")
        count, size = len(means), math.prod(means.shape[1:])
        rank = directions.shape[-1] if isinstance(directions, torch.Tensor) and directions.ndim == 3 else -1
        wanted = {"weights": (count,), "directions": (count, size, rank), "excess": (count, rank), "floor": (count,)}
        given = {"weights": weights, "directions": directions, "excess": excess, "floor": floor}
        for name, part in given.items():
            if not isinstance(part, torch.Tensor) or tuple(part.shape) != wanted[name]:
                raise ValueError(f"{name} must have the shape {wanted[name]}, got {describe(part)}")
        if not (bool((weights >= 0).all()) and abs(float(weights.sum()) - 1) < 1e-4):
            raise ValueError(f"weights must be at least 0 with sum 1, their sum is {float(weights.sum()):.4g}")
        if not (bool((floor > 0).all()) and bool((excess >= 0).all())):
            raise ValueError("floor must be above 0 and excess at least 0")
        if not all(bool(torch.isfinite(part).all()) for part in (means, directions, excess, floor)):
            raise ValueError("means, directions, excess and floor must be finite, got values that are not")
        gram = directions.mT @ directions
        if not torch.allclose(gram, torch.eye(rank).to(gram).expand_as(gram), atol=1e-3):
            raise ValueError("the columns of each part's directions must be orthonormal: U^T U is not the identity")
        self.weights, self.means, self.directions, self.excess, self.floor = weights, means, directions, excess, floor
        self.shape, self.rank = tuple(means.shape[1:]), rank
        self._flat = means.flatten(1)
        self._basis = directions.permute(1, 0, 2).reshape(size, count * rank).contiguous()  # (D, K r)
        self._seen = torch.einsum("kd,kdr->kr", self._flat, directions)  # U_k^T mu_k
        self._constants = Constants(weights, floor, excess, self._flat, self._basis, self._seen)

    def _parts(self, x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """log pi_k N(x; mu_k, C_k + sigma^2 I) `(N, K)`, U_k^T (x - mu_k) `(N, K, r)`, and x flat."""
        if tuple(check_images(x).shape[1:]) != self.shape:
            raise ValueError(f"the mixture has images of {self.shape}, got {describe(x)}")
        flat, (weights, floor, excess, own, basis, seen) = x.flatten(1), self._constants.like(x)
        inside = (flat @ basis).unflatten(1, (len(own), self.rank)) - seen
        square = (flat.square().sum(1)[:, None] - 2 * flat @ own.mT + own.square().sum(1)).clamp_min(0)
        low = floor + sigma**2
        high = excess + low[:, None]
        rest = (square - inside.square().sum(2)).clamp_min(0)
        energy = rest / low + (inside.square() / high).sum(2)
        volume = high.log().sum(1) + (flat.shape[1] - self.rank) * low.log()
        constant = flat.shape[1] * math.log(2 * math.pi)
        return weights.log() - (energy + volume + constant) / 2, inside, flat

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return -self._parts(x, 0.0)[0].logsumexp(1)

    def responsibilities(self, y: torch.Tensor, sigma: float) -> torch.Tensor:
        """The probability of each part given y = x + sigma n, `(N, K)`. Raises `ValueError` for a level below 0."""
        return self._parts(y, check_weight(sigma, name="sigma", single=True))[0].softmax(1)

    def posterior_mean(self, y: torch.Tensor, sigma: float) -> torch.Tensor:
        sigma = check_positive(sigma, name="sigma", single=True)
        logits, inside, flat = self._parts(y, sigma)
        share = logits.softmax(1)
        _, low, excess, means, basis, _ = self._constants.like(y)
        high = low[:, None] + excess
        kept, gain = low / (low + sigma**2), high / (high + sigma**2)
        along = share[:, :, None] * (gain - kept[:, None]) * inside
        mean = (share * kept).sum(1, keepdim=True) * flat + (share * (1 - kept)) @ means
        return (mean + along.flatten(1) @ basis.mT).reshape(y.shape)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        logits, inside, flat = self._parts(x, 0.0)
        share = logits.softmax(1)
        _, low, excess, means, basis, _ = self._constants.like(x)
        along = share[:, :, None] * (1 / low[:, None] - 1 / (low[:, None] + excess)) * inside
        pull = (share / low) @ means - (share / low).sum(1, keepdim=True) * flat
        return (pull + along.flatten(1) @ basis.mT).reshape(x.shape)

    def sample(self, n: int, *, seed: int) -> torch.Tensor:
        """`n` independent images, `(n, C, H, W)`; not held to [0, 1]."""
        n, generator = check_whole(n, name="n", least=1), torch.Generator().manual_seed(check_seed(seed))
        return self.sample_of(torch.multinomial(self.weights, n, replacement=True, generator=generator), generator)

    def sample_of(self, parts: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """One image of each of the `parts` `(n,)`."""
        white = torch.randn(len(parts), self._flat.shape[1], generator=generator).to(self._flat)
        codes = torch.randn(len(parts), self.rank, generator=generator).to(self._flat) * self.excess[parts].sqrt()
        x = self._flat[parts] + self.floor[parts].sqrt()[:, None] * white
        for k in parts.unique():
            rows = parts == k
            x[rows] += codes[rows] @ self.directions[k].mT
        return x.reshape(-1, *self.shape)


def fit_gaussian_mixture(
    x: torch.Tensor, *, parts: int, rank: int, seed: int, rounds: int = 15, least: float = 1e-4
) -> GaussianMixture:
    r"""A mixture of `parts` Gaussians of `rank` directions for the images `x` `(N, C, H, W)`.

    k-means from random images groups them, in 50 principal components; each group gives its mean and its first
    principal components, S + v their variances, v the mean of the others (at least `least`), which is the likeliest for
    the group (Tipping & Bishop). Groups too small for that are given the others' v and fewer directions. Raises
    `ValueError` for more parts than images, more directions than values, images that are not finite, and where no
    group has two images. Taught in chapter 21_sampling.
    """
    if not bool(torch.isfinite(check_images(x)).all()):
        raise ValueError("x must be finite, got values that are not")
    rounds, least = check_whole(rounds, name="rounds", least=1), check_positive(least, name="least", single=True)
    parts, rank = check_whole(parts, name="parts", least=1, most=len(x)), check_whole(rank, name="rank", least=1)
    generator = torch.Generator().manual_seed(check_seed(seed))
    flat = x.detach().flatten(1)
    if rank >= flat.shape[1]:
        raise ValueError(f"rank must be below the {flat.shape[1]} values of an image, got {rank}")
    centre = flat.mean(0)
    small = torch.linalg.eigh(torch.cov(flat.mT, correction=0).reshape(flat.shape[1], -1))[1][:, -50:]
    low = (flat - centre) @ small
    groups = _k_means(low, low[torch.randperm(len(low), generator=generator)[:parts]], rounds)
    kept = [rows for k in range(parts) if len(rows := torch.nonzero(groups == k)[:, 0]) > 1]
    if not kept:
        raise ValueError(f"no group has two images; give more images or fewer parts, got {len(x)} and {parts}")
    directions, excess = flat.new_zeros(len(kept), flat.shape[1], rank), flat.new_zeros(len(kept), rank)
    means, floor = torch.stack([flat[rows].mean(0) for rows in kept]), flat.new_zeros(len(kept))
    for k, rows in enumerate(kept):
        _, spread, axes = torch.linalg.svd(flat[rows] - means[k], full_matrices=False)
        variances, used = spread.square() / len(rows), min(rank, (len(rows) - 1) // 2)
        floor[k] = max(float(variances[used:].sum() / (flat.shape[1] - used)), least)
        directions[k, :, :used], excess[k, :used] = axes[:used].mT, (variances[:used] - floor[k]).clamp_min(0)
        if used < rank:  # orthonormal columns without variance
            others = torch.eye(flat.shape[1]).to(flat)[:, : rank - used]
            directions[k] = torch.linalg.qr(torch.cat([axes[:used].mT, others], 1))[0]
    weights = flat.new_tensor([float(len(rows)) for rows in kept])
    return GaussianMixture(weights / weights.sum(), means.reshape(-1, *x.shape[1:]), directions, excess, floor)


def _k_means(rows: torch.Tensor, centres: torch.Tensor, rounds: int) -> torch.Tensor:
    """The group of each row after so many rounds of Lloyd's iteration; an empty group keeps its centre."""
    for _ in range(rounds):
        groups = torch.cdist(rows, centres).argmin(1)
        counts = torch.bincount(groups, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, groups, rows)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp_min(1)[:, None], centres)
    return torch.cdist(rows, centres).argmin(1)
