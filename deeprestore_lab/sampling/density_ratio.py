"""The ratio of two densities from samples of both: a classifier that tells them apart knows it."""

import torch

from deeprestore_lab.core.checks import check_positive, check_whole, describe


class LogisticRatio:
    r"""log p(f) / q(f) of features f `(N, D)` by logistic regression on f and its squares.

    A classifier between samples of p and of q, of equal weight, has at its best the logit log p - log q: no density is
    needed. Fitted by Newton's method on standardised features (of q), with the penalty `ridge` / 2 ||b||^2 for each
    sample, so that it stays near 0 where it knows little. Features more than 5 deviations from the mean of q count as 5
    away: squares of outliers would rule the fit, and where no sample lies a parabola would go on growing. Out there the
    ratio is flat, and its gradient 0. Call it with features; give it others than it learned from. Raises `ValueError`
    for samples of different widths, fewer than two, and values that are not finite. Source: Sugiyama, Suzuki & Kanamori
    (2012), chapter 4. Differs from the source in that limit. Taught in chapter 21_sampling.
    """

    def __init__(self, p: torch.Tensor, q: torch.Tensor, *, ridge: float = 1e-2, rounds: int = 8) -> None:
        self._check(p, "p"), self._check(q, "q", width=p.shape[1])
        if len(p) < 2 or len(q) < 2:
            raise ValueError(f"p and q must hold two samples or more, got {describe(p)} and {describe(q)}")
        ridge, rounds = check_positive(ridge, name="ridge", single=True), check_whole(rounds, name="rounds", least=1)
        self.middle, self.spread = q.double().mean(0), q.double().std(0).clamp_min(1e-6)
        rows = torch.cat([self._rows(p), self._rows(q)])
        label = torch.cat([rows.new_ones(len(p)), rows.new_zeros(len(q))])
        share = torch.cat([rows.new_full((len(own),), 0.5 / len(own)) for own in (p, q)])
        self.slope = rows.new_zeros(rows.shape[1])
        penalty = ridge * torch.ones_like(self.slope)
        penalty[0] = 0
        for _ in range(rounds):
            chance = torch.sigmoid(rows @ self.slope)
            gradient = rows.mT @ (share * (chance - label)) + penalty * self.slope
            curvature = (rows * (share * chance * (1 - chance))[:, None]).mT @ rows + torch.diag(penalty + 1e-9)
            self.slope = self.slope - torch.linalg.solve(curvature, gradient)

    @staticmethod
    def _check(features: torch.Tensor, name: str, *, width: int | None = None) -> torch.Tensor:
        if not isinstance(features, torch.Tensor) or features.ndim != 2 or width not in (None, features.shape[1]):
            wanted = "(N, D)" if width is None else f"(N, {width}), all of one width"
            raise ValueError(f"{name} must be features {wanted}, got {describe(features)}")
        if not bool(torch.isfinite(features).all()):
            raise ValueError(f"{name} must be finite, got values that are not")
        return features

    def _rows(self, features: torch.Tensor) -> torch.Tensor:
        f = ((features.double() - self.middle) / self.spread).clamp(-5, 5)
        return torch.cat([torch.ones_like(f[:, :1]), f, f.square() - 1], 1)

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """log p / q, `(N,)`. Raises `ValueError` for features of another width."""
        return self._rows(self._check(features, "features", width=len(self.middle))) @ self.slope
