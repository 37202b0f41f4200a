"""ADMM against L-BFGS-B on smooth functions that lie nowhere above the energy, over terms and operators together."""

import numpy as np
import pytest
import scipy.optimize
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.images.noise import gaussian_noise, poisson
from deeprestore_lab.operators import Blur, Downsample, FilterBank, Identity, Mask
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import AlphaNorm, Tikhonov, TotalVariation
from deeprestore_lab.signal.filters import framelets
from deeprestore_lab.signal.kernels import gaussian_kernel

N, SMOOTHING, LOWEST = 16, 1e-4, 1e-4  # LOWEST: the mean below which the cost of a count goes on as its tangent
X = torch.zeros(1, 1, N, N, dtype=torch.float64)
X[..., 4:10, 5:12] = 1
FRAME = FilterBank(framelets(1, dtype=torch.float64)[1:])
OPERATORS = {
    "identity": Identity(),
    "blur": Blur(gaussian_kernel(1.0, size=7, dtype=torch.float64)),
    "mask": Mask(torch.rand(N, N, generator=torch.Generator().manual_seed(1)) > 0.3),
    "average": Downsample(2, kernel="average"),
}
PRIORS = {
    "total variation": (2 * TotalVariation(), 2 * TotalVariation(smoothing=SMOOTHING)),
    "tikhonov": (20 * Tikhonov(), 20 * Tikhonov()),
    "alpha norm": (AlphaNorm(), AlphaNorm()),
    "frame": (LaplaceLikelihood(FRAME, torch.zeros_like(FRAME(X)), scale=0.5), lambda x: 2 * rounded(FRAME(x)).sum()),
}


def rounded(r: torch.Tensor) -> torch.Tensor:
    """|r| from below, with its kink rounded off."""
    return (r.square() + SMOOTHING**2).sqrt() - SMOOTHING


def likelihood(name: str, operator):
    mean = operator(X)
    if name == "poisson":
        return PoissonLikelihood(operator, poisson(mean, peak=60, seed=0), peak=60)
    y = mean + gaussian_noise(mean, sigma=0.1, seed=0)
    return GaussianLikelihood(operator, y, sigma=0.1) if name == "gauss" else LaplaceLikelihood(operator, y, scale=0.1)


def below(name: str, data, x: torch.Tensor) -> torch.Tensor:
    """The data term of one image, or less, with a gradient everywhere."""
    mean, y = data.operator(x), data.y
    if name == "gauss":
        return (mean - y).square().sum() / (2 * 0.1**2)
    if name == "laplace":
        return rounded(mean - y).sum() / 0.1
    held = mean.clamp_min(LOWEST)
    logarithm = held.log() + (mean - held) / LOWEST
    wall = 5e5 * mean.clamp_max(0).square()
    return 60 * (torch.xlogy(y, y) - torch.where(y > 0, y * logarithm, 0) - y + mean + wall).sum()


def lowest(name: str, data, prior, start: torch.Tensor, bounds) -> float:
    def value(values: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.from_numpy(values.reshape(X.shape)).requires_grad_()
        total = below(name, data, x) + prior(x).sum()
        (gradient,) = torch.autograd.grad(total, x)
        return total.item(), gradient.numpy().ravel()

    limits = None if bounds is None else [bounds] * X.numel()
    options = {"maxiter": 60, "maxcor": 30}
    return scipy.optimize.minimize(
        value, start.numpy().ravel(), jac=True, method="L-BFGS-B", bounds=limits, options=options
    ).fun


@pytest.mark.parametrize(
    ("data", "operator", "prior", "bounds"),
    [
        ("gauss", "average", "total variation", (0, 1)),
        ("gauss", "mask", "frame", None),
        ("laplace", "blur", "tikhonov", (0, 1)),
        ("laplace", "mask", "total variation", None),
        ("poisson", "identity", "frame", None),
        ("poisson", "average", "alpha norm", None),
        ("poisson", "mask", "tikhonov", None),
        ("poisson", "blur", "total variation", (0, 1)),
    ],
)
def test_no_combination_stalls_above_the_optimum(data, operator, prior, bounds):
    term, (energy, smooth) = likelihood(data, OPERATORS[operator]), PRIORS[prior]
    start = Pixels(torch.full_like(X, 0.5), bounds=bounds)
    trace = minimise(term + energy, start, solver="admm", steps=150, snapshots=False, progress=False)
    reached, best = trace.energy[-1].item(), lowest(data, term, smooth, trace.x, bounds)
    assert best - 1e-6 * abs(best) <= reached <= 1.01 * best + 0.05
    assert trace.converged.all() or (trace.energy.diff(dim=0)[-20:] != 0).any(), "it stalls and says that it runs"


def test_a_square_that_was_blurred_and_counted_is_found_without_bounds():
    """Free pixels end with many means at zero: what is shown must not pay for a few of them everywhere."""
    x, blur = torch.zeros(1, 1, 32, 32), Blur(gaussian_kernel(1.6))
    x[..., 10:22, 10:22] = 1
    energy = PoissonLikelihood(blur, poisson(blur(x), peak=60, seed=0), peak=60) + 2 * TotalVariation()
    free, held = (
        minimise(energy, Pixels(torch.full_like(x, 0.5), bounds=bounds), solver="admm", steps=150, progress=False)
        for bounds in (None, (0, 1))
    )
    assert free.energy[-1] < 1.02 * held.energy[-1]  # the optimum of the free ones is not above that of the held
    error = (free.x - x).square().mean()
    assert -10 * error.log10() > 25.5  # 25.9 to 26.3 at 150 to 750 steps; what stalled was shown at 20.6
