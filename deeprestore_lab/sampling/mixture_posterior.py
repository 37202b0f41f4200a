"""The posterior of a mixture of Gaussians under a linear operator and Gaussian noise, exactly: a mixture again."""

import math

import torch

from deeprestore_lab.core.checks import check_level, check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.energies.shapes import check_batch
from deeprestore_lab.operators import LinearOperator, as_matrix
from deeprestore_lab.priors import GaussianMixture


class MixturePosterior:
    r"""p(x | y) for x of a `GaussianMixture` and y = A x + n, n ~ N(0, sigma^2 I).

    Each part k is Gaussian again, with the covariance S_k = A C_k A^T + sigma^2 I of what is measured:

        p(k | y) ~ pi_k N(y; A mu_k, S_k),   mean_k = mu_k + C_k A^T S_k^-1 (y - A mu_k)

    A draw of part k is a draw x0 of C_k, moved by what a measurement of it would have missed: x0 + C_k A^T S_k^-1 (y -
    A x0 - n) (Matheron's rule). `mean` is the posterior mean, `log_evidence` `(N,)` log p(y), in float64. y `(N, ...)`
    as A x; computed in float64 by dense algebra, pictures given in the precision of y. Raises `ValueError` for an
    operator that is not linear, a sigma outside (0, 1], or a y that does not fit. Taught in chapter 21_sampling.
    """

    def __init__(self, prior: GaussianMixture, operator: LinearOperator, y: torch.Tensor, *, sigma: float) -> None:
        if not isinstance(prior, GaussianMixture):
            raise ValueError(f"prior must be a mixture of Gaussians, got {describe(prior)}")
        if not isinstance(operator, LinearOperator):
            raise ValueError(f"operator must be linear, got {describe(operator)}")
        self.prior, self.operator, self.sigma = prior, operator, check_level(sigma, single=True)
        matrix = as_matrix(operator, prior.shape)  # (M, D)
        check_batch(y, name="y"), check_together(y, prior.means, names=("y", "the mixture"))
        if y.numel() == 0 or y[0].numel() != len(matrix) or y.is_complex() or not bool(torch.isfinite(y).all()):
            raise ValueError(f"A x has {len(matrix)} real values, but y is {describe(y)}; values must be finite")
        self._precision, self.y, like = y.dtype, y.detach().flatten(1).double(), torch.float64
        scales, self._axes = torch.linalg.eigh(matrix @ matrix.mT)  # A A^T = E diag(scales) E^T
        self._turned = self._axes.mT @ matrix  # (M, D), E^T A
        self._scales = scales.clamp_min(0)
        self._logits, self._parts = [], []
        own = prior.means.flatten(1).to(like)
        for k in range(len(own)):
            factor = prior.directions[k].to(like) * prior.excess[k].to(like).sqrt()
            self._parts.append((factor, self._turned @ factor))
            residual = self._axes.mT @ (self.y - (matrix @ own[k])).mT  # (M, N)
            _, energy, volume = self._solve(k, residual)
            self._logits.append(prior.weights[k].to(like).log() - (energy + volume) / 2)
        logits = torch.stack(self._logits, 1) - len(matrix) * math.log(2 * math.pi) / 2
        self.log_evidence, self.responsibilities = logits.logsumexp(1), logits.softmax(1)

    def _solve(self, k: int, residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """S_k^-1 r for turned residuals `(M, N)`, r^T S_k^-1 r `(N,)`, and log det S_k."""
        base = self.prior.floor[k].double() * self._scales + self.sigma**2
        spread = self._parts[k][1]
        scaled = spread / base[:, None]
        inner = torch.linalg.cholesky(torch.eye(spread.shape[1], dtype=spread.dtype) + spread.mT @ scaled)
        plain = residual / base[:, None]
        solved = plain - scaled @ torch.cholesky_solve(spread.mT @ plain, inner)
        volume = base.log().sum() + 2 * inner.diagonal().log().sum()
        return solved, (residual * solved).sum(0), volume

    def _towards(self, k: int, residual: torch.Tensor) -> torch.Tensor:
        """C_k A^T S_k^-1 r for turned residuals `(M, N)`, as rows `(N, D)`."""
        back = self._turned.mT @ self._solve(k, residual)[0]  # (D, N)
        factor = self._parts[k][0]
        return (self.prior.floor[k].double() * back + factor @ (factor.mT @ back)).mT

    @property
    def mean(self) -> torch.Tensor:
        """The posterior mean, `(N, C, H, W)`."""
        total, own = 0.0, self.prior.means.flatten(1).double()
        for k in torch.nonzero(self.responsibilities.amax(0) > 1e-9)[:, 0].tolist():
            residual = self._axes.mT @ self.y.mT - (self._turned @ own[k])[:, None]
            total = total + self.responsibilities[:, k, None] * (own[k] + self._towards(k, residual))
        return total.to(self._precision).reshape(-1, *self.prior.shape)

    @property
    def mode(self) -> torch.Tensor:
        """The most probable of the parts' means, `(N, C, H, W)`: the mode, where the parts lie apart."""
        own, best = self.prior.means.flatten(1).double(), None
        for k in torch.nonzero(self.responsibilities.amax(0) > 1e-6)[:, 0].tolist():
            residual = self._axes.mT @ self.y.mT - (self._turned @ own[k])[:, None]
            found = (own[k] + self._towards(k, residual)).to(self._precision).reshape(-1, *self.prior.shape)
            misfit = (self.operator(found).flatten(1) - self.y).square().sum(1) / (2 * self.sigma**2)
            energy = self.prior(found) + misfit
            if best is None:
                best = found, energy
            else:
                less = energy < best[1]
                best = torch.where(less[:, None, None, None], found, best[0]), torch.where(less, energy, best[1])
        return best[0]

    def sample(self, n: int, *, seed: int) -> torch.Tensor:
        """`n` independent draws for each measurement, `(n, N, C, H, W)`. Raises `ValueError` for a count below 1."""
        n, generator = check_whole(n, name="n", least=1), torch.Generator().manual_seed(check_seed(seed))
        chosen = torch.multinomial(self.responsibilities, n, replacement=True, generator=generator).mT.flatten()
        x = self.prior.sample_of(chosen, generator).flatten(1).double()
        noise = torch.randn(len(x), self.y.shape[1], generator=generator, dtype=torch.float64)
        missed = self.y.repeat(n, 1) - self.sigma * noise  # rows of one draw follow each other
        residual = self._axes.mT @ missed.mT - self._turned @ x.mT
        for k in chosen.unique().tolist():
            rows = chosen == k
            x[rows] += self._towards(k, residual[:, rows])
        return x.to(self._precision).reshape(n, -1, *self.prior.shape)
