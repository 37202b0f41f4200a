r"""p(x) ~ p0(x) prod_l p_l(phi_l x)^{w_l} in the solvable world: every law is Gaussian, every answer a matrix.

phi_l are linear, pictures flat with mean 0, all in float64. Taught in chapter 21_sampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch

from deeprestore_lab.core.checks import check_choice, check_positive, check_weight, check_whole, describe
from deeprestore_lab.sampling.scores import Mean

NOISED = ("same level", "through the layer", "clean")


def _check_covariance(covariance: torch.Tensor, size: int, dtype: torch.dtype) -> None:
    fits = isinstance(covariance, torch.Tensor) and covariance.shape == (size, size) and covariance.dtype == dtype
    if not fits:
        kind = str(dtype).removeprefix("torch.")
        raise ValueError(f"covariance must have the shape ({size}, {size}) in {kind}, got {describe(covariance)}")
    if bool(torch.linalg.cholesky_ex(covariance)[1]):
        raise ValueError("covariance must be positive definite, and is not")


@dataclass(frozen=True)
class LayerPrior:
    """N(0, `covariance`) for the layer phi x, phi the matrix `phi` `(m, D)`, with the exponent `weight`.

    Raises `ValueError` for a covariance that does not fit phi, or is not positive definite.
    """

    phi: torch.Tensor
    covariance: torch.Tensor  # (m, m), of what the layer should be
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_weight(self.weight, single=True)
        if not isinstance(self.phi, torch.Tensor) or self.phi.ndim != 2:
            raise ValueError(f"phi must be a matrix (m, D), got {describe(self.phi)}")
        _check_covariance(self.covariance, len(self.phi), self.phi.dtype)


def _check_layers(covariance: torch.Tensor, layers: Sequence[LayerPrior]) -> None:
    if not isinstance(layers, Sequence) or not layers or not all(isinstance(layer, LayerPrior) for layer in layers):
        raise ValueError(f"layers must be one `LayerPrior` or more, in a list, got {describe(layers)}")
    for layer in layers:
        _check_covariance(covariance, layer.phi.shape[1], layer.phi.dtype)


def field_product(
    covariance: torch.Tensor, layers: Sequence[LayerPrior], *, ratio: bool = False, rho: float = 0.0
) -> torch.Tensor:
    r"""The precision of p0(x) prod_l p_l(phi_l x)^{w_l}, or with `ratio` of p0(x) prod_l (p_l / q_l)(phi_l x)^{w_l}.

        P0 + sum_l w_l phi_l^T (C_l^-1 - [ratio] (phi_l C0 phi_l^T)^-1) phi_l

    q_l is the law that p0 already gives the layer, so the ratio asks only for what p0 does not know. With `rho` each
    layer is tied to phi_l x by a Gaussian of that width, as split Gibbs does: (C_l / w_l + rho^2 I)^-1 for w_l C_l^-1.
    `covariance` is C0 `(D, D)`. The result `(D, D)` may be indefinite with `ratio`, and is then no law. Raises
    `ValueError` for `rho` together with `ratio`, and for layers and a covariance that do not fit. Taught in chapter
    21_sampling.

    >>> one = LayerPrior(torch.eye(1).double(), torch.eye(1).double())
    >>> [field_product(torch.eye(1).double(), [one], ratio=r).item() for r in (False, True)]  # the same law twice, once
    [2.0, 1.0]
    """
    if ratio and rho:
        raise ValueError("rho ties a layer's own law to the picture; a ratio is no law")
    rho = check_weight(rho, name="rho", single=True)
    _check_layers(covariance, layers)
    total = torch.linalg.inv(covariance)
    for layer in layers:
        m = torch.eye(len(layer.phi)).to(covariance)
        if layer.weight == 0:
            continue
        wanted = torch.linalg.inv(layer.covariance / layer.weight + rho**2 * m)
        if ratio:
            wanted = wanted - layer.weight * torch.linalg.inv(layer.phi @ covariance @ layer.phi.mT)
        total = total + layer.phi.mT @ wanted @ layer.phi
    return (total + total.mT) / 2


def fit_in_turn(
    covariance: torch.Tensor, layers: Sequence[LayerPrior], *, sweeps: int
) -> tuple[torch.Tensor, list[float]]:
    r"""Ratios one at a time, each against the law as it is by then: C, and the largest error of a layer after each
    sweep.

    P <- P + phi_l^T (C_l^-1 - (phi_l P^-1 phi_l^T)^-1) phi_l gives layer l its law and spoils the others a little; in
    turns they come to agree where they can (iterated proportional fitting). The error is that of a covariance phi_l C
    phi_l^T, relative in Frobenius norm. Weights play no part. Raises `ValueError` for sweeps below 1 and layers that do
    not fit. Source: Deming & Stephan (1940); for Gaussians Speed & Kiiveri (1986). Taught in chapter 21_sampling.
    """
    _check_layers(covariance, layers)
    covariance, errors = covariance.clone(), []
    for _ in range(check_whole(sweeps, name="sweeps", least=1)):
        for layer in layers:
            now = layer.phi @ covariance @ layer.phi.mT
            gain = torch.linalg.solve(now, layer.phi @ covariance).mT  # (D, m)
            covariance = covariance + gain @ (layer.covariance - now) @ gain.mT
        found = [(layer.phi @ covariance @ layer.phi.mT - layer.covariance).norm() for layer in layers]
        errors.append(max(float(f / layer.covariance.norm()) for f, layer in zip(found, layers, strict=True)))
    return covariance, errors


def summed_scores(covariance: torch.Tensor, layers: Sequence[LayerPrior], *, noised: str = "same level") -> Mean:
    r"""x + sigma^2 (the score of p0 with noise + sum_l w_l phi_l^T times that of p_l with noise): not a mean of a law.

    It is what one gets who adds the scores of diffusion models. The score of the product with noise is another: noise
    and product do not commute. `noised` says what noise the layer's law is given: "same level" C_l + sigma^2 I,
    "through the layer" C_l + sigma^2 phi phi^T, "clean" none. Pictures `(N, 1, 1, D)` in float64. Raises `ValueError`
    for another `noised` and layers that do not fit. Source: Du et al. (2023), "Reduce, reuse, recycle", section 4.1.
    Taught in chapter 21_sampling.
    """
    check_choice(noised, NOISED, name="noised"), _check_layers(covariance, layers)
    unit = torch.eye(len(covariance)).to(covariance)

    @cache
    def precision_at(sigma: float) -> torch.Tensor:
        variance = check_positive(sigma, name="sigma", single=True) ** 2
        total = torch.linalg.inv(covariance + variance * unit)
        for layer in layers:
            own = torch.eye(len(layer.phi)).to(covariance)
            added = {"same level": own, "through the layer": layer.phi @ layer.phi.mT, "clean": 0 * own}[noised]
            precision = torch.linalg.inv(layer.covariance + variance * added)
            total = total + layer.weight * layer.phi.mT @ precision @ layer.phi
        return total

    def mean(x: torch.Tensor, sigma: float) -> torch.Tensor:
        return x - sigma**2 * x @ precision_at(sigma).to(x)

    return mean
