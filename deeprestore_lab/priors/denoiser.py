"""Denoisers as priors, in two forms that are told apart by type: an energy, or a score without a value."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_level, describe, per_image
from deeprestore_lab.core.dependence import LOST
from deeprestore_lab.energies import Weight
from deeprestore_lab.priors.base import Prior

Model = Callable[..., torch.Tensor]


class Denoiser(Prior):
    """A map D from images `(N, C, H, W)` to images of the same shape, used as a prior.

    `model` is D, called as `model(x)`; one that is `told` the level of the noise is called as `model(x, sigma)`.
    `sigma` is that level in the units of x, at most 1, a float or `(N,)`. There are two kinds: with a value,
    `DenoiserEnergy` and `AutoEncoderPrior`, which are minimised as any energy; and `DenoiserScore`, which has none and
    goes to plug-and-play solvers. Raises `ValueError` for a model that is none and a level that does not fit.
    """

    def __init__(self, model: Model, *, sigma: Weight | None, told: bool) -> None:
        if not callable(model):
            raise ValueError(f"model must map an image batch to one of its shape, got {describe(model)}")
        self.model, self.told = model, bool(told)
        self.sigma = None if sigma is None else check_level(sigma)

    @property
    def name(self) -> str:
        return "denoiser"

    def restored(self, x: torch.Tensor) -> torch.Tensor:
        """D(x), `(N, C, H, W)`, with gradients where x wants them.

        Raises `ValueError` for another shape, and where x wants gradients and autograd does not follow the model.
        """
        back = self.model(x, self.sigma) if self.told else self.model(x)
        if not isinstance(back, torch.Tensor) or back.shape != x.shape:
            raise ValueError(f"the model must give images of the shape {tuple(x.shape)}, got {describe(back)}")
        if x.requires_grad and torch.is_grad_enabled() and not back.requires_grad:
            raise ValueError(
                f"the model does not depend on x as autograd sees it: {LOST}; without its Jacobian the gradient is "
                "another one. Plug-and-play takes such a model, as a DenoiserScore"
            )
        return back


class DenoiserEnergy(Denoiser):
    r"""R(x) = 1/2 ||x - D(x)||^2: how far a denoiser moves an image, with its true gradient.

    The gradient is (I - J^T)(x - D(x)), J the Jacobian of D at x: through the model and through x itself. So R is an
    ordinary smooth energy: every solver for such takes it, and the trace shows it. x - grad R(x) = x + score(x) is
    then a denoiser too, the gradient step of R. For a residual that is a gradient alone, x - D(x), see
    `DenoiserScore`.

    `sigma` is given where the model is told the level. Shapes: x `(N, C, H, W)`, value `(N,)`, half a sum of squares in
    the units of x: a weight of 1 / sigma^2 makes it nats. Raises `ValueError` for a model that is none, gives another
    shape or is cut off from autograd, and for a level that is none. There are no calibrated weights. Source: Hurault et
    al. (2022), "Gradient step denoiser for convergent plug-and-play", equation 6. Taught in chapter
    18_preimages_with_priors.

    >>> x = torch.full((1, 1, 2, 2), 0.75)
    >>> float(DenoiserEnergy(lambda x: 0 * x + 0.25)(x))  # four pixels moved by a half
    0.5
    """

    def __init__(self, model: Model, *, sigma: Weight | None = None) -> None:
        super().__init__(model, sigma=sigma, told=sigma is not None)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.restored(x)).square().flatten(1).sum(1) / 2


class DenoiserScore(Denoiser):
    r"""A denoiser without a value: its score (D(x) - x) / sigma^2, and D itself for plug-and-play.

    Where D gives the mean of the picture under noise of level sigma, the score is the gradient of the log-density of
    noisy pictures (Tweedie). It is minus the gradient of some R only where the Jacobian of D is symmetric, which that
    of a network hardly is: so there is no value, `minimise` has no energy to trace, and solvers that need one refuse
    it. The plug-and-play solvers take it, with D in the place of prox_{sigma^2 R}; `minimise` picks `pnp_admm`.

    `model` is any map of images to images of their shape: a network, or a filter such as BM3D. `told` says that it is
    called as model(x, sigma). `sigma` is the level that it removes, in the units of x, above 0 and at most 1, a float
    or `(N,)`. A weight of 1 takes the denoiser at its word; the strength sigma^2 / weight stays as given in a run.
    D is applied without gradients. Shapes: `score` and `denoised` as x `(N, C, H, W)`. Raises `ValueError` for a
    model that is none or gives another shape, and for a level that is none. There are no calibrated weights.
    Source: Venkatakrishnan et al. (2013); Efron (2011) for Tweedie's formula. Taught in chapter
    18_preimages_with_priors.

    >>> halving = DenoiserScore(lambda x: x / 2, sigma=0.5)
    >>> halving.score(torch.ones(1, 1, 1, 1)).item(), halving.has_value
    (-2.0, False)
    """

    def __init__(self, model: Model, *, sigma: Weight, told: bool = False) -> None:
        if sigma is None:
            raise ValueError("sigma, the level of the noise that the denoiser removes, must be given")
        super().__init__(model, sigma=sigma, told=told)

    @torch.no_grad()
    def denoised(self, v: torch.Tensor) -> torch.Tensor:
        """D(v)."""
        return self.restored(v)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """(D(x) - x) / sigma^2."""
        return (self.denoised(x) - x.detach()) / per_image(self.sigma, x) ** 2
