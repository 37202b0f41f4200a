"""From the prior's mean under noise to the posterior's: what a measurement adds, exactly or by three guesses."""

import torch

from deeprestore_lab.core.checks import check_choice, check_positive, check_weight, describe, per_image
from deeprestore_lab.core.dependence import LOST, check_differentiable
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.energies.shapes import squared_norm
from deeprestore_lab.operators import LinearOperator
from deeprestore_lab.sampling.scores import Mean, mean_of

RULES = ("pseudo-inverse", "reconstruction", "splitting")


def guided(
    source: Energy | Mean, data: GaussianLikelihood, *, rule: str, spread: float = 0.3, weight: float = 1.0
) -> Mean:
    r"""The mean of x given its noisy version and the measurement y = A x + sigma_y e, by a `rule`: a mean for samplers.

    By Tweedie it is D + sigma^2 times the gradient of log p(y | y_sigma), with respect to the noisy picture. That
    likelihood is the mean of p(y | x) over all pictures x that the noisy one may hide; each rule guesses it from D
    alone, with J the Jacobian of D, r^2 = sigma^2 s^2 / (sigma^2 + s^2), and s the `spread` of a pixel:

    - "pseudo-inverse": x is taken as Gaussian around D with variance r^2. D + sigma^2 J^T A^T (sigma_y^2 I + r^2 A
      A^T)^-1 (y - A D). Exact for white Gaussian pictures of spread s.
    - "reconstruction": the same with sigma^2 for r^2 and A A^T taken as I.
    - "splitting": sigma^2 J^T is taken as r^2, so no Jacobian is needed: argmin over z of ||A z - y||^2 / (2
      sigma_y^2) + weight ||z - D||^2 / (2 r^2), with r = sigma, what plug-and-play does (DiffPIR).

    `weight` multiplies what the first two add to D; in the third it is that of D, and above 0.
    Where p is Gaussian, the posterior field itself is a source, and exact. `data` holds A (linear; with an exact solve
    but for "reconstruction"), y and one sigma_y. Raises `ValueError` for another rule, an operator that is not linear
    or lacks the solve, a `data` of other noise, and, where a rule needs the Jacobian, a mean that autograd cannot
    follow. Sources: Song et al. (2023), "Pseudoinverse-guided diffusion models", equation 7; Ho et al.
    (2022), "Video diffusion models", equation 7 (differs by sigma_y^2); Zhu et al. (2023), "Denoising diffusion models
    for plug-and-play image restoration", equation 13. Taught in chapter 21_sampling.
    """
    check_choice(rule, RULES, name="rule")
    mean, operator = mean_of(source), _operator(data, solve=rule != "reconstruction")
    noise = check_positive(data.sigma, name="the noise of the data", single=True)
    spread = check_positive(spread, name="spread", single=True)
    weight = (check_positive if rule == "splitting" else check_weight)(weight, name="weight", single=True)

    def missing(own: torch.Tensor) -> torch.Tensor:
        predicted = data.predicted(own)
        return operator.adjoint(data.measured(predicted) - predicted)

    def splitting(x: torch.Tensor, sigma: float) -> torch.Tensor:
        own = mean(x, sigma)
        rho = weight * (noise / sigma) ** 2
        return own + operator.solve(missing(own), rho)

    def by_gradient(x: torch.Tensor, sigma: float) -> torch.Tensor:
        with torch.enable_grad():
            at, own = _followed(mean, x, sigma)
            rest = missing(own).detach()
            if rule == "reconstruction":
                pull = weight * rest / (noise**2 + sigma**2)
            else:
                r2 = (sigma * spread) ** 2 / (sigma**2 + spread**2)
                pull = weight * operator.solve(rest, noise**2 / r2) / r2
            (back,) = torch.autograd.grad(own, at, pull)
        return own.detach() + sigma**2 * back

    return splitting if rule == "splitting" else by_gradient


def misfit_gradient(mean: Mean, data: GaussianLikelihood, x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, ...]:
    """D, and the gradient of ||y - A D(x, sigma)|| with respect to x (0 where that is 0), both `(N, C, H, W)`.

    Raises `ValueError` where there is no gradient.
    """
    with torch.enable_grad():
        at, own = _followed(mean, x, sigma)
        predicted = data.predicted(own)
        squared = squared_norm(predicted - data.measured(predicted))
        (gradient,) = torch.autograd.grad(squared.sum() / 2, at)
    misfit = per_image(squared.detach().sqrt(), gradient)
    return own.detach(), torch.where(misfit > 0, gradient / misfit, 0.0)  # the root has none where nothing is missed


def check_gaussian(data: GaussianLikelihood) -> GaussianLikelihood:
    """Return `data` if it is a measurement under Gaussian noise, else raise `ValueError`: the rules are for that."""
    if not isinstance(data, GaussianLikelihood):
        raise ValueError(f"data must be a GaussianLikelihood, got {describe(data)}")
    return data


def _followed(mean: Mean, x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """x with a gradient to come, and its mean."""
    check_differentiable("a guidance by gradients")
    at = x.detach().requires_grad_()
    own = mean(at, sigma)
    if not own.requires_grad:
        raise ValueError(f"the mean does not depend on the picture as autograd sees it: {LOST}")
    return at, own


def _operator(data: GaussianLikelihood, *, solve: bool) -> LinearOperator:
    operator = check_gaussian(data).operator
    if not isinstance(operator, LinearOperator):
        raise ValueError(f"guidance takes a linear operator, got {operator!r}")
    if solve and not operator.has_solve:
        raise ValueError(f"{operator.name} has no exact solve, which this rule needs")
    return operator
