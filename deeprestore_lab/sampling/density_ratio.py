"""The ratio of two densities from samples of both: a classifier that tells them apart knows it."""

import torch

from deeprestore_lab.core.checks import check_positive, describe


class LogisticRatio:
    r"""log p(f) / q(f) of features f `(N, D)` by logistic regression on f and its squares.

    A classifier between samples of p and of q, of equal weight, has at its best the logit log p - log q: no density is
    needed. Fitted by Newton's method on standardised features (of q), with the penalty `ridge` / 2 ||b||^2 for each
    sample, so that it stays near 0 where it knows little. Call it with features; give it others than it learnt from.
    Raises `ValueError` for samples of different widths. Source: Sugiyama, Suzuki & Kanamori (2012), chapter 4. Taught
    in chapter 21_sampling.
    """

    def __init__(self, p: torch.Tensor, q: torch.Tensor, *, ridge: float = 1e-2, rounds: int = 8) -> None:
        if p.ndim != 2 or q.ndim != 2 or p.shape[1] != q.shape[1]:
            raise ValueError(f"p and q must be features (N, D) of one width, got {describe(p)} and {describe(q)}")
        ridge = check_positive(ridge, name="ridge", single=True)
        self.middle, self.spread = q.double().mean(0), q.double().std(0).clamp_min(1e-6)
        rows = torch.cat([self._rows(p), self._rows(q)])
        label = torch.cat([torch.ones(len(p)), torch.zeros(len(q))]).double()
        share = torch.cat([torch.full((len(p),), 0.5 / len(p)), torch.full((len(q),), 0.5 / len(q))]).double()
        self.slope = rows.new_zeros(rows.shape[1])
        penalty = ridge * torch.ones_like(self.slope)
        penalty[0] = 0
        for _ in range(rounds):
            chance = torch.sigmoid(rows @ self.slope)
            gradient = rows.mT @ (share * (chance - label)) + penalty * self.slope
            curvature = (rows * (share * chance * (1 - chance))[:, None]).mT @ rows + torch.diag(penalty + 1e-9)
            self.slope = self.slope - torch.linalg.solve(curvature, gradient)

    def _rows(self, features: torch.Tensor) -> torch.Tensor:
        f = ((features.double() - self.middle) / self.spread).clamp(-5, 5)
        return torch.cat([torch.ones_like(f[:, :1]), f, f.square() - 1], 1)

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """log p / q, `(N,)`."""
        return self._rows(features) @ self.slope
