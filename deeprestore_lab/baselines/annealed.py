"""A denoiser as a prior of an image that a network saw, at a noise level that falls: plug-and-play and RED at once.

Taught in chapter 18_preimages_with_priors.
"""

from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.core.checks import check_level, check_positive, check_whole
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.solve.minimise import minimise

Denoise = Callable[[torch.Tensor, float], torch.Tensor]


def annealed_denoising(
    energy: Energy, x: torch.Tensor, denoise: Denoise, *, levels: Sequence[float], weight: float, steps: int = 10
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""For each level sigma in turn:  z <- D(x, sigma),  x <- argmin of energy + weight / (2 sigma^2) ||x - z||^2.

    The second by `steps` of L-BFGS from the last x, with values in [0, 1]. Returns (x, z), `(N, C, H, W)`, z = D of the
    last x. Shown is z in half-quadratic splitting (plug-and-play), x in the fixed-point iteration of regularisation by
    denoising, whose gradient is weight (x - D(x)) / sigma^2: both make the same pictures on the way. `levels` are
    noise levels above 0 in [0, 1] units, the coarsest first; at a large one the denoiser's picture is hardly let go.
    Raises `ValueError` for levels, a weight or steps that are none. Source: Zhang et al. (2017), equations 6 and 7,
    with its falling levels; Romano, Elad & Milanfar (2017). Taught in chapter 18_preimages_with_priors.

    >>> from deeprestore_lab.energies import GaussianLikelihood
    >>> y = torch.full((1, 1, 4, 4), 0.5)
    >>> data = GaussianLikelihood(Identity(), y, sigma=0.1)
    >>> x, z = annealed_denoising(data, y, lambda x, sigma: 0 * x, levels=[0.1], weight=1.0)
    >>> round(float(x[0, 0, 0, 0]), 3)  # half way between the data and the denoiser
    0.25
    """
    levels = [float(check_level(level)) for level in levels]
    weight = float(check_positive(weight, name="weight", single=True))
    steps = check_whole(steps, name="steps", least=1)
    for sigma in levels:
        with torch.no_grad():
            z = denoise(x, sigma)
        near = weight * GaussianLikelihood(Identity(), z, sigma=sigma)
        search = Pixels(x, bounds=(0, 1))
        x = minimise(energy + near, search, solver="lbfgs", steps=steps, snapshots=False, progress=False).x
    with torch.no_grad():
        return x, denoise(x, levels[-1])
